import numpy as np
import pytest
from matplotlib.image import imread

from mdsnake.errors import UserError
from mdsnake.evaluate.figures import FIGURES, figure
from mdsnake.evaluate.records import read_records, write_records
from mdsnake.evaluate.style import bar_handles, member_styles
from mdsnake.evaluate.summary import summarize
from mdsnake.families.kstep.config import CONTROLS


@pytest.fixture
def summary(evaluated, jumps, tmp_path):
    summarize([*evaluated.glob("*-k?.csv"), jumps], tmp_path / "kstep.csv")
    return tmp_path / "kstep.csv"


@pytest.fixture
def history(tmp_path):
    paths = []
    for member in ("egnn", "transformer-egnn"):
        path = tmp_path / "train" / "mm" / "k4" / member / "history.csv"
        path.parent.mkdir(parents=True)
        rows = [f"{step},{3 / step},{'' if step % 20 else 4 / step},0.001" for step in range(10, 210, 10)]
        path.write_text("step,train_loss,val_loss,lr\n" + "\n".join(rows) + "\n")
        paths.append(path)
    return paths


def ink(path) -> float:
    """Share of pixels that are not white."""
    return float(np.mean(imread(path)[..., :3].min(axis=-1) < 0.9))


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_shows_its_data(name, summary, evaluated, history, tmp_path, record):
    full, empty = tmp_path / "full.png", tmp_path / "empty.png"
    figure(name, summary, sorted(evaluated.glob("*-k?.json")), history, full)
    write_records(tmp_path / "none.csv", [record("some_metric")])
    figure(name, tmp_path / "none.csv", out=empty)
    assert ink(full) > 2 * ink(empty) > 0


def test_absent_members_and_missing_values_leave_a_gap(summary, tmp_path):
    rows = [r for r in read_records(summary) if not (r.member == "egnn" and r.k == 8)]
    rows = [r._replace(value=np.nan) if r.metric == "flip_rate_ratio" and r.member == "zero" else r for r in rows]
    write_records(tmp_path / "gap.csv", rows)
    for name in ("lag_rmsd", "flip_rate", "cost", "one_jump_error"):
        figure(name, tmp_path / "gap.csv", out=tmp_path / f"{name}.png")
        assert ink(tmp_path / f"{name}.png") > 0.01


def test_a_member_keeps_its_colour_beside_any_controls():
    alone, together = member_styles(["egnn"]), member_styles(["zero", "verlet", "egnn"])
    assert alone["egnn"] == together["egnn"]
    assert list(together) == ["egnn", "zero", "verlet"]


def test_every_control_has_a_look_of_its_own():
    styles = member_styles(CONTROLS)
    assert list(styles) == list(CONTROLS)
    assert len({s.colour for s in styles.values()}) == len({s.marker for s in styles.values()}) == len(CONTROLS)
    assert {handle.get_label() for handle in bar_handles(styles)} >= {"hmc (exact)", "respa (not exact)", "verlet"}


def test_faults_are_told(summary, tmp_path):
    with pytest.raises(UserError, match="choose from one_jump_error"):
        figure("portrait", summary)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(UserError, match=r"broken\.json: not valid JSON: .*; delete it and evaluate again$"):
        figure("rdf", summary, [tmp_path / "broken.json"], out=tmp_path / "x.png")
