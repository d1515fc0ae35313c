"""The evaluation of a hardly trained model, of baselines, and the report of both."""

import json
from pathlib import Path

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.evaluate.config import BaselineSettings, SurfaceSettings
from mdsnake.evaluate.records import Score, read_records, write_records
from mdsnake.evaluate.summary import summarize_scores
from mdsnake.evaluate.surface.baselines import BASELINES, baselines
from mdsnake.evaluate.surface.figures import FIGURES, figure
from mdsnake.evaluate.surface.metrics import METRICS
from mdsnake.evaluate.surface.stage import evaluate_surface
from mdsnake.evaluate.surface.tables import TABLES, table
from tests.evaluate.surface.conftest import MEMBER, ROLLOUT, SYSTEM

ABOUT = {"family": "trajbert", "name": "mb", "system": SYSTEM, "rollout": ROLLOUT, "seed": 0}


@pytest.fixture(scope="module")
def evaluated(surface: Path, runs: Path, index: Path, model: Path, generated: dict[str, Path]) -> Path:
    """The folder of all that was evaluated, and its summary."""
    folder = model.parent
    settings = SurfaceSettings.model_validate(ABOUT | {"member": MEMBER})
    evaluate_surface(
        surface, settings, index, model, generated["deterministic"], runs / "replica0.h5", folder / "seed0.csv",
        folder / "seed0.json", generated["sampled"], "cpu",
    )  # fmt: skip
    told = BaselineSettings.model_validate(ABOUT | {"baselines": list(BASELINES)})
    baselines(index, told, runs / "replica0.h5", folder / "baselines.csv")
    summarize_scores([folder / "seed0.csv", folder / "baselines.csv"], folder / "trajbert.csv")
    return folder


@pytest.fixture(scope="module")
def scores(evaluated: Path) -> list[Score]:
    return read_records(evaluated / "trajbert.csv", Score)


def value(scores: list[Score], member: str, metric: str, how: str = "prediction") -> float:
    (found,) = (s.value for s in scores if (s.member, s.metric, s.how) == (member, metric, how))
    return found


def test_every_metric_is_there_with_its_unit(scores: list[Score]) -> None:
    assert {s.metric for s in scores} == set(METRICS) - {"attention_future_past"}, "a causal model has no future"
    assert all(s.unit == METRICS[s.metric].unit for s in scores)
    assert {s.member for s in scores} == {MEMBER, "simulation", *BASELINES}


def test_what_is_told_of_the_basins_is_better_than_chance_and_no_better_than_the_limit(scores: list[Score]) -> None:
    for member in (MEMBER, *BASELINES):
        (row,) = (s for s in scores if (s.member, s.metric) == (member, "accuracy"))
        assert 0.75 < row.value < row.floor + 0.02, member
        assert row.floor == pytest.approx(0.97, abs=0.03)


def test_the_exact_mean_is_as_good_as_can_be(scores: list[Score]) -> None:
    (row,) = (s for s in scores if (s.member, s.metric) == (MEMBER, "next_mse_ratio"))
    assert row.floor == pytest.approx(1, abs=0.35), "of a hundred windows"
    assert 0.6 < value(scores, "linear", "next_mse_ratio") < 2


def test_the_simulation_is_the_floor_of_what_is_generated(scores: list[Score]) -> None:
    floor = value(scores, "simulation", "density_js", "sampled")
    beside = {s.floor for s in scores if s.metric == "density_js" and s.member != "simulation"}
    assert beside == {floor}
    assert value(scores, MEMBER, "density_js", "deterministic") > 2 * floor


def test_kinetic_models_know_the_time_scale(scores: list[Score]) -> None:
    for member in ("msm", "vampnet"):
        assert 0.2 < value(scores, member, "t2_ratio", "sampled") < 3, member


def test_the_same_again(
    surface: Path, runs: Path, index: Path, model: Path, generated: dict[str, Path], evaluated: Path, tmp_path: Path
) -> None:
    told = BaselineSettings.model_validate(ABOUT | {"baselines": ["linear", "vampnet"]})
    baselines(index, told, runs / "replica0.h5", tmp_path / "again.csv")
    first = {s[:5]: repr(s) for s in read_records(evaluated / "baselines.csv", Score) if s.member == "vampnet"}
    again = {s[:5]: repr(s) for s in read_records(tmp_path / "again.csv", Score) if s.member == "vampnet"}
    assert first == again


@pytest.mark.parametrize("name", [*FIGURES, "learning"])
def test_figures(evaluated: Path, tmp_path: Path, name: str) -> None:
    history = tmp_path / "mb" / MEMBER / "seed0" / "history.csv"
    history.parent.mkdir(parents=True)
    history.write_text((evaluated / "history.csv").read_text())
    beside = {"history": [history]} if name == "learning" else {"curves": [evaluated / "seed0.json"]}
    figure(name, evaluated / "trajbert.csv", tmp_path / "figure.png", **beside)
    assert (tmp_path / "figure.png").stat().st_size > 5000


@pytest.mark.parametrize("name", TABLES)
def test_tables(evaluated: Path, tmp_path: Path, name: str) -> None:
    table(name, evaluated / "trajbert.csv", tmp_path / "table.html")
    text = (tmp_path / "table.html").read_text()
    assert MEMBER in text
    assert ("reproduced" in text) is (name == "claims")


def test_wrong_names_and_files_are_one_line(evaluated: Path, tmp_path: Path, index: Path, runs: Path) -> None:
    with pytest.raises(UserError, match=r"figure: no 'bars'; choose from classification"):
        figure("bars", evaluated / "trajbert.csv", tmp_path / "a.png")
    with pytest.raises(UserError, match=r"table: no 'costs'; choose from claims, models"):
        table("costs", evaluated / "trajbert.csv", tmp_path / "a.html")
    told = json.loads((evaluated / "seed0.json").read_text())
    (tmp_path / "bad.json").write_text(json.dumps(told | {"slices": 3}))
    with pytest.raises(UserError, match=r"bad\.json: slices: .*; delete it and evaluate again"):
        figure("attention", evaluated / "trajbert.csv", tmp_path / "a.png", [tmp_path / "bad.json"])
    other = SYSTEM.model_copy(update={"kT": 20.0})
    settings = BaselineSettings.model_validate(ABOUT | {"baselines": [], "system": other})
    with pytest.raises(UserError, match=r"windows\.json: made for other dynamics"):
        baselines(index, settings, runs / "replica0.h5", tmp_path / "a.csv")
    longer = ROLLOUT.model_copy(update={"frames": 10**6})
    settings = BaselineSettings.model_validate(ABOUT | {"baselines": [], "rollout": longer})
    with pytest.raises(UserError, match=r"replica0\.h5: fewer walkers or frames than a roll-out"):
        baselines(index, settings, runs / "replica0.h5", tmp_path / "a.csv")
    assert not list(tmp_path.glob("a.*"))


def test_a_claim_needs_most_of_the_seeds(tmp_path: Path) -> None:
    def row(seed: int, accuracy: float) -> Score:
        return Score("mb", "small-causal-mse", "prediction", seed, "accuracy", accuracy, np.nan, 10, "1")

    for values, words in (((0.95, 0.90, 0.93), "reproduced"), ((0.95, 0.90, 0.91), "not reproduced")):
        write_records(tmp_path / "a.csv", [row(seed, one) for seed, one in enumerate(values)], Score)
        table("claims", tmp_path / "a.csv", tmp_path / "a.html")
        assert f'data-sort="{words}">{words}<' in (tmp_path / "a.html").read_text()
