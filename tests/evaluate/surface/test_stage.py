"""The evaluation of a hardly trained model, of baselines, and the report of both."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mdsnake.errors import UserError
from mdsnake.evaluate.config import BaselineSettings, SurfaceSettings
from mdsnake.evaluate.records import Score, read_records, write_records
from mdsnake.evaluate.summary import summarize_scores
from mdsnake.evaluate.surface.baselines import BASELINES, baselines
from mdsnake.evaluate.surface.figures import FIGURES, figure
from mdsnake.evaluate.surface.metrics import METRICS
from mdsnake.evaluate.surface.stage import evaluate_surface, looks, untrained
from mdsnake.evaluate.surface.tables import TABLES, table
from mdsnake.evaluate.surface.windows import TestWindows
from tests.evaluate.surface.conftest import MEMBER, ROLLOUT, SYSTEM
from tests.families.trajbert.toys import toy_model, walkers

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
    attention = {name for name in METRICS if name.startswith("attention")}
    assert {s.metric for s in scores} == set(METRICS) - attention, "a causal model cannot look at all alike"
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


def row(member: str, seed: int, metric: str, value: float, how: str = "prediction") -> Score:
    return Score("mb", member, how, seed, metric, value, np.nan, 10, "1")


def page(name: str, rows: list[Score], folder: Path) -> str:
    write_records(folder / "a.csv", rows, Score)
    table(name, folder / "a.csv", folder / "a.html")
    return (folder / "a.html").read_text()


@pytest.mark.parametrize(
    ("values", "words"), [((0.95, 0.90, 0.93), "reproduced"), ((0.95, 0.90, 0.91), "not reproduced")]
)
def test_a_claim_needs_most_of_the_seeds(values: tuple[float, ...], words: str, tmp_path: Path) -> None:
    rows = [row("small-causal-mse", seed, "accuracy", one) for seed, one in enumerate(values)]
    assert f'data-sort="{words}">{words}<' in page("claims", rows, tmp_path)


@pytest.mark.parametrize(("nearest", "words"), [(0.93, "reproduced, but so by the nearest basin"), (0.9, "reproduced")])
def test_a_claim_that_holds_without_training_says_so(nearest: float, words: str, tmp_path: Path) -> None:
    rows = [row("small-causal-mse", 0, "accuracy", 0.95), row("nearest-basin", 0, "accuracy", nearest)]
    assert f'data-sort="{words}">{words}<' in page("claims", rows, tmp_path)


@pytest.mark.parametrize(("random", "also"), [(0.25, ", but so by an untrained network"), (0.1, "")])
def test_attention_is_set_beside_that_of_an_untrained_network(random: float, also: str, tmp_path: Path) -> None:
    member, metric = "small-bidirectional-mse", "attention_key_share"
    rows = [row(member, 0, metric, 0.3), row(member, 0, metric, random, "untrained")]
    assert f">reproduced{also}<" in page("claims", rows, tmp_path)


@pytest.mark.parametrize(("third", "kind"), [(np.nan, "missed"), (np.inf, "missed"), (1.1, "met")])
def test_a_seed_without_a_value_does_not_meet_a_mark(third: float, kind: str, tmp_path: Path) -> None:
    values = (0.9, 1.0, third)
    rows = [row("small-causal-mixture", seed, "mfpt_ratio", one, "sampled") for seed, one in enumerate(values)]
    text = page("models", rows, tmp_path)
    assert f"{kind}: 0.8–1.25" in text
    assert ("2 of 3 seeds have one" in text) is (kind == "missed")


def test_an_untrained_network_looks_at_all_frames_alike() -> None:
    trained, x = toy_model(mode="bidirectional"), walkers()[:, :32]
    with torch.no_grad():
        for parameter in trained.encoder.parameters():
            parameter.mul_(3)
    windows = TestWindows(x, 0 * x, x, np.zeros(x.shape[:2], int), np.zeros(len(x), int))
    fresh = untrained(trained)
    assert torch.equal(fresh.deviation, trained.deviation)
    (sharp, _), (flat, _) = (looks(model, windows)[0]["attention_key_share"][0] for model in (trained, fresh))
    assert sharp > 0.2 > flat
