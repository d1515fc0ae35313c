"""An evaluation tells a learned protein from a new one, and both from what is none."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mdsnake.errors import UserError
from mdsnake.evaluate.config import BackboneSettings
from mdsnake.evaluate.proteins.chains import Chain
from mdsnake.evaluate.proteins.denoising import EVEN, REPEATS, Denoised, denoise, literal, loss_by_t, noise_loss
from mdsnake.evaluate.proteins.drawings import read_drawing
from mdsnake.evaluate.proteins.figures import FIGURES, figure
from mdsnake.evaluate.proteins.judge import judge
from mdsnake.evaluate.proteins.metrics import HELD_OUT, MEMORISED, METRICS, MIRRORED, WALKS
from mdsnake.evaluate.proteins.scores import covered, likeness
from mdsnake.evaluate.proteins.stage import ends, evaluate_proteins
from mdsnake.evaluate.proteins.tables import table
from mdsnake.evaluate.records import Score, read_records
from mdsnake.families.backbone.config import About
from mdsnake.families.backbone.data import collate
from mdsnake.families.backbone.task import make_model
from tests.evaluate.proteins.conftest import MEMBER, NETWORK, RESIDUES, Chains, Evaluated, saved


def scores(evaluated: Evaluated) -> dict[tuple[str, str, str], Score]:
    return {(s.member, s.how, s.metric): s for s in read_records(evaluated.summary, Score)}


def test_a_row_a_sample(evaluated: Evaluated) -> None:
    with open(evaluated.table, newline="") as file:
        learned, new, image, walk = csv.DictReader(file)
    assert tuple(learned) == Chain._fields
    assert [row["valid"] for row in (learned, new, image, walk)] == ["yes", "yes", "no", "no"]
    assert "phi_positive" in image["failed"]
    assert learned["nearest_training"] == "3a4rA"
    assert float(learned["nearest_training_tm"]) > 0.99 > 0.6 > float(new["nearest_training_tm"])
    assert float(learned["nearest_training_rmsd_angstrom"]) < 0.01
    assert {row[name] for row in (learned, walk) for name in ("sc_rmsd_angstrom", "plddt", "designable")} == {
        "not computed"
    }


def test_novelty_counts_among_valid_samples(evaluated: Evaluated) -> None:
    found = scores(evaluated)
    assert found[MEMBER, "all", "valid_fraction"].value == 0.5
    every, valid = (found[MEMBER, how, "nearest_training_tm"] for how in ("all", "valid"))
    assert (every.n, valid.n) == (4, 2)
    assert valid.value > every.value
    assert (found[MEMBER, "all", "pairwise_tm"].n, found[MEMBER, "valid", "pairwise_tm"].n) == (6, 1)
    assert found[MEMBER, "all", "bonds_in_band"].floor > 0.9
    assert found[MEMBER, "79 residues", "seconds_per_chain"].value == 1
    assert found[MEMBER, "64 residues", "seconds_per_chain"].value == pytest.approx(3), "samples 2 and 4"


def test_controls_are_beside_the_models(evaluated: Evaluated) -> None:
    found = scores(evaluated)
    assert found[HELD_OUT, "all", "valid_fraction"].value == 1
    assert found[MIRRORED, "all", "valid_fraction"].value == found[WALKS, "all", "valid_fraction"].value == 0
    assert found[MIRRORED, "all", "phi_positive"].value > 0.8
    assert found[WALKS, "all", "nearest_training_tm"].n == 4
    assert found[HELD_OUT, "all", "nearest_training_tm"].n == found[HELD_OUT, "valid", "nearest_training_tm"].n == 2
    assert found[WALKS, "valid", "nearest_training_tm"].n == 0
    assert (MIRRORED, "all", "nearest_training_tm") not in found
    assert {metric for _, _, metric in found} <= set(METRICS)


def test_marks_tell_good_from_bad() -> None:
    for metric, good, bad in (
        ("worst_in_band", 0.8, 0.79),
        ("noise_mean", 0.033, 0.034),
        ("phi_positive", 0.12, 0.13),
        ("clashes_per_100", 0.18, 0.2),
    ):
        mark = METRICS[metric].mark
        assert mark is not None
        assert mark.met(good, 0.0)
        assert not mark.met(bad, 0.0)
    assert not METRICS["bonds_in_band"].mark, "constants of frames are among them"
    assert not METRICS["noise_end"].mark, "motifs and first answers make it small"
    assert METRICS["clashes_per_100"].mark.met(0.4, 0.2)  # type: ignore[union-attr]
    for metric, mark in MEMORISED.items():
        good = {"one_step_error": 0.025, "one_step_rmsd": 0.1, "nearest_training_rmsd": 0.5}[metric]
        assert mark.met(good, np.nan)
        assert not mark.met(1.01 * good, np.nan)
        assert not mark.met(np.nan, np.nan)


def test_the_median_sample_is_judged_and_a_collapse_is_told(natives: Chains) -> None:
    (row,) = judge({"a": natives["3a4rA"]})
    near = [("x", 0.1), ("x", 0.9), ("y", 1.0), ("z", 10.0), ("z", np.nan)]
    rows = [row._replace(nearest_training=name, nearest_training_rmsd_angstrom=rmsd) for name, rmsd in near]
    assert likeness(rows, np.eye(5))["nearest_training_rmsd"] == (pytest.approx(0.95), 4)
    assert likeness(rows[:3], np.eye(3))["nearest_training_rmsd"] == (0.9, 3), "one that is far off changes little"
    assert covered(rows, 5) == {"covered": (2 / 5, 5)}
    assert covered(rows[3:], 5) == {"covered": (0, 5)}


def steps() -> list[Denoised]:
    """Four draws, whose numbers rise with the share; one draw has twice the loss."""
    each = np.array([1.0, 1.0, 1.0, 2.0])
    return [
        Denoised(share, share * each, 2 * share * each, 3 * share * each, share * each) for share in (0.01, 0.1, *EVEN)
    ]


def test_numbers_of_one_step() -> None:
    assert literal(steps()) == {"one_step_error": (pytest.approx(0.25), 4), "one_step_rmsd": (pytest.approx(0.125), 4)}
    found = noise_loss(steps())
    assert found["noise_mean"] == (pytest.approx(0.5 * 1.25), 4), "over even shares alone"
    assert found["noise_mean_spread"] == (pytest.approx(0.5 * np.std([1, 1, 1, 2])), 4)


def test_a_loss_for_every_tenth_of_the_steps() -> None:
    found = loss_by_t(steps())
    assert list(found)[::9] == ["t 0.0–0.1", "t 0.9–1.0"]
    assert len(found) == 10
    for i, one in enumerate(found.values()):
        assert one["loss_by_t"] == (pytest.approx(3 * 1.25 * (i + 0.5) / 10), 8)
    assert found["t 0.0–0.1"]["loss_by_t_spread"][0] == pytest.approx(
        3 * np.std([0.025, 0.025, 0.025, 0.05, 0.075, 0.075, 0.075, 0.15])
    )


def test_one_step_is_worse_the_more_noise(natives: Chains) -> None:
    model = make_model(NETWORK, About(residues=RESIDUES), 0).eval()
    chains = [torch.tensor(natives[name][:64, :3]) for name in ("3a4rA", "2va0A")]
    batches = [collate([x - x[:, 1].mean(0)], [i]) for i, x in enumerate(chains)]
    little, much = denoise(model, batches, torch.Generator().manual_seed(0), (0.1, 0.9))
    assert len(little.error) == 2 * REPEATS
    assert little.rmsd_angstrom.max() < much.rmsd_angstrom.min()
    assert (little.rmsd_angstrom <= np.sqrt(3) * 7.16 * little.error + 1e-6).all(), "superposed"
    again = denoise(model, batches, torch.Generator().manual_seed(0), (0.1,))[0]
    np.testing.assert_array_equal(again.error, little.error)


def test_the_end_of_a_training_is_a_mean_with_its_spread(tmp_path: Path) -> None:
    rows = "".join(f"{step},{1 if step < 90 else step - 90},0.5\n" for step in range(10, 101, 2))
    (tmp_path / "history.csv").write_text("step,train_loss,train_noise\n" + rows)
    found = ends(tmp_path / "history.csv")
    assert found["loss_end"] == (pytest.approx(6), 5)
    assert found["loss_end_spread"][0] == pytest.approx(np.std([2, 4, 6, 8, 10]))
    assert found["noise_end"] == (0.5, 5)
    (tmp_path / "history.csv").write_text("step,train_loss,train_noise\n50,2.0,0.5\n100,1.0,0.4\n")
    found = ends(tmp_path / "history.csv")
    assert found["loss_end"] == (1, 1)
    assert np.isnan(found["loss_end_spread"][0])


def test_denoising_is_of_both_sides(evaluated: Evaluated) -> None:
    drawing = read_drawing(evaluated.curves)
    assert set(drawing.denoising) == {"training", "held-out"}
    assert len(drawing.sets[MEMBER].chains["valid"]) == 4
    found = scores(evaluated)
    assert found[MEMBER, "training", "one_step_rmsd"].n == 3 * REPEATS
    assert found[MEMBER, "held-out", "one_step_rmsd"].n == 2 * REPEATS
    assert found[MEMBER, "training", "noise_end"].unit == "1"
    assert found[MEMBER, "training", "noise_mean"].n == 3 * REPEATS
    assert found[MEMBER, "training, t 0.1–0.2", "loss_by_t"].n == 2 * 3 * REPEATS
    assert found[MEMBER, "held-out, t 0.9–1.0", "loss_by_t_spread"].value > 0
    assert (found[MEMBER, "all", "covered"].value, found[MEMBER, "all", "covered"].n) == (pytest.approx(1 / 3), 3)


@pytest.mark.parametrize("name", [*FIGURES, "learning"])
def test_figures(evaluated: Evaluated, name: str, tmp_path: Path) -> None:
    beside = {"history": [evaluated.history]} if name == "learning" else {"curves": [evaluated.curves]}
    if name not in ("learning", "denoising"):
        beside["curves"].append(evaluated.controls)
    figure(name, evaluated.summary, tmp_path / "figure.png", **beside)
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("models", ["random walks", "not computed", "✓ met", "✗ missed: ≤ 0.12", "natives 0.", "training, t 0.1–0.2"]),
        ("memorised", ["✗ missed: ≤ 0.025", "nearest training RMSD / Å", "proteins found", "0.3333"]),
        ("data", ["3a4rA", "3 in", "Dropped"]),
    ],
)
def test_tables(evaluated: Evaluated, name: str, words: list[str], tmp_path: Path) -> None:
    table(name, evaluated.card if name == "data" else evaluated.summary, tmp_path / "table.html")
    text = (tmp_path / "table.html").read_text()
    assert [word for word in words if word not in text] == []


def test_walks_stand_beside_what_is_valid(evaluated: Evaluated, tmp_path: Path) -> None:
    table("models", evaluated.summary, tmp_path / "table.html")
    _, _, after = (tmp_path / "table.html").read_text().partition("Likeness of valid chains")
    found = after.partition("Designability")[0]
    assert [name for name in (MEMBER, HELD_OUT, WALKS) if name not in found] == []
    assert found.count(">all<") == 1, "of walks alone"


def test_bad_input_is_one_line(evaluated: Evaluated, windows: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^table: no 'x'; choose from models, memorised, data$"):
        table("x", evaluated.summary, tmp_path / "table.html")
    with pytest.raises(UserError, match=r"^figure: no 'x'; choose from ramachandran"):
        figure("x", evaluated.summary, tmp_path / "figure.png")
    broken = json.loads(evaluated.curves.read_text())
    del broken["sets"]
    (tmp_path / "curves.json").write_text(json.dumps(broken))
    with pytest.raises(UserError, match=r"curves.json: sets: Field required; delete it and evaluate again$"):
        read_drawing(tmp_path / "curves.json")
    settings = BackboneSettings(family="backbone", member=MEMBER, network=NETWORK, seed=0)
    other = settings.model_copy(update={"network": NETWORK.model_copy(update={"width": 32})})
    samples = saved(tmp_path / "samples.h5", {"a": np.zeros((4, 4, 3), np.float32)})
    out = tmp_path / "out.csv", tmp_path / "out.json"
    with pytest.raises(UserError, match=r"its network has width 16, asked for 32"):
        evaluate_proteins(other, windows, model, samples, evaluated.history, *out)
    assert not out[0].exists()
    assert not out[1].exists()
