"""Roll-outs that are broken off: the work that is left is gone on from, or discarded where it is of no use."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from mdsnake.config import VERSIONS, Engine, SimulateSettings
from mdsnake.errors import OutOfTime, UserError
from mdsnake.families.kstep.config import Jump
from mdsnake.families.kstep.learned import LearnedProposal
from mdsnake.rollout import stage
from mdsnake.rollout.stage import rollout
from mdsnake.simulate.stage import simulate_bursts
from mdsnake.store.budget import Budget
from mdsnake.store.h5md import Trajectory
from tests.families.kstep.case import save
from tests.families.kstep.toys import stirred, toy_model
from tests.rollout.case import run, same, settings


def break_off(patch: pytest.MonkeyPatch, at: int, *told: Any) -> None:
    """A run that Ctrl-C ends in its piece `at`, counted from 1."""
    calls, make = [], stage._piece

    def interrupted(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == at:
            raise KeyboardInterrupt
        return make(*args)

    with patch.context() as during:
        during.setattr(stage, "_piece", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(*told)


def counted(trajectory: Trajectory) -> dict[str, float]:
    return {name: n for name, n in trajectory.counters.items() if not name.endswith("_ms")}


@pytest.mark.parametrize(
    ("member", "exact"), [("verlet", False), ("verlet-stable", False), ("egnn", False), ("egnn", True), ("hmc", False)]
)
@pytest.mark.parametrize("call", [2, 25])
def test_an_interrupted_run_goes_on_and_ends_bitwise_the_same(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, member: str, exact: bool, call: int,
) -> None:  # fmt: skip
    told, weights = settings(jump, member, time_ps=0.1, nve_ps=0.06), model if member == "egnn" else None
    told = told.model_copy(update={"exact": exact})
    whole = run(tmp_path / "whole", ethane, told, flexible_engine, ethane_bursts, weights)
    break_off(monkeypatch, call, tmp_path / "parted", ethane, told, flexible_engine, ethane_bursts, weights)
    assert not list((tmp_path / "parted").glob("*.h5"))
    again = run(tmp_path / "parted", ethane, told, flexible_engine, ethane_bursts, weights)
    for first, second in zip(whole, again, strict=True):
        assert same(first, second)
        assert counted(first) == counted(second)
        assert second.counters["total_ms"] > 0


def test_pieces_begin_with_no_learned_force_remembered(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The last bit of a force depends on the batch that it was computed in, which a job that goes on does not know."""
    events, make = [], stage._piece
    monkeypatch.setattr(LearnedProposal, "reset", lambda _: events.append("reset"))
    monkeypatch.setattr(stage, "_piece", lambda *told: events.append("piece") or make(*told))
    told = settings(jump, "egnn", time_ps=0.1, nve_ps=0.06).model_copy(update={"exact": True})
    run(tmp_path, ethane, told, flexible_engine, ethane_bursts, model)
    assert events == [*["reset", "piece"] * (len(events) // 2), "reset"], "and the test of reversibility"
    assert len(events) > 4


def test_an_interrupted_quantum_run_ends_bitwise_the_same(
    water: Path, qm_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bursts = tmp_path / "bursts.h5"
    told = SimulateSettings(name="h2o", engine=qm_engine, bursts=qm_engine.bursts, seed=0)
    simulate_bursts(water, told, bursts, tmp_path / "simulating")
    jump = Jump(engine="qm", k=4, timestep_fs=0.5, temperature_K=300, constraints="none")
    told = settings(jump, walkers=2, time_ps=0.008, nve_ps=0.004)
    whole = run(tmp_path / "whole", water, told, qm_engine, bursts)
    break_off(monkeypatch, 3, tmp_path / "parted", water, told, qm_engine, bursts)
    with monkeypatch.context() as during, pytest.raises(KeyboardInterrupt):
        during.setattr(stage, "reversibility", Mock(side_effect=KeyboardInterrupt))  # all pieces are done
        run(tmp_path / "parted", water, told, qm_engine, bursts)
    again = run(tmp_path / "parted", water, told, qm_engine, bursts)
    for first, second in zip(whole, again, strict=True):
        assert same(first, second)
        assert counted(first) == counted(second)


@pytest.fixture
def begun(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path
) -> dict[str, Any]:
    """What an interrupted roll-out was told, its inputs copies that a test may change."""
    for name in ("graph.json", "system.xml"):
        (tmp_path / "prepared").mkdir(exist_ok=True)
        shutil.copy(ethane / name, tmp_path / "prepared")
    start, weights = shutil.copy(ethane_bursts, tmp_path), shutil.copy(model, tmp_path)
    told = {
        "folder": tmp_path / "job", "prepared": tmp_path / "prepared", "told": settings(jump, "egnn"),
        "engine": flexible_engine, "bursts": Path(start), "model": Path(weights),
    }  # fmt: skip
    with pytest.raises(OutOfTime):
        rollout(
            told["prepared"], told["told"], told["engine"], told["bursts"], told["model"],
            tmp_path / "a.h5", tmp_path / "b.h5", tmp_path / "job/work", "cpu", Budget(1e-9),
        )  # fmt: skip
    return told


def pieces(told: dict[str, Any]) -> int:
    return len(list((told["folder"] / "work").glob("piece*.npz")))


def test_inputs_that_cannot_be_read_cost_no_work(begun: dict[str, Any], tmp_path: Path) -> None:
    kept = pieces(begun)
    assert kept
    spoilt = {
        "prepared": tmp_path / "nowhere",
        "bursts": begun["model"],
        "model": begun["bursts"],
        "engine": begun["engine"].model_copy(update={"timestep_fs": 0.25}),
    }
    for name, value in spoilt.items():
        with pytest.raises(UserError):
            run(**begun | {name: value})
        assert pieces(begun) == kept, name


def other_start(told: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    trajectory = Trajectory.load(told["bursts"])
    trajectory.positions[:, 0, 0] += 1e-4
    trajectory.save(told["bursts"])


def other_model(told: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    save(told["model"], stirred(toy_model(width=8), size=0.2))


def other_version(told: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    patch.setitem(VERSIONS, "rollout", 999)


@pytest.mark.parametrize("change", [other_start, other_model, other_version])
def test_work_on_other_inputs_is_discarded(
    begun: dict[str, Any],
    change: Callable[[dict[str, Any], pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    change(begun, monkeypatch)
    capsys.readouterr()
    found = run(**begun)
    assert "work on other inputs, settings or by another version; discarded" in capsys.readouterr().out
    fresh = run(**begun | {"folder": tmp_path / "fresh"})
    assert all(same(first, second) for first, second in zip(found, fresh, strict=True))


def test_a_resumed_job_stays_on_its_platform(begun: dict[str, Any]) -> None:
    (begun["folder"] / "work/platform").write_text("CPU")
    nvt, _ = run(**begun)
    assert nvt.provenance["platform"] == "CPU"


def test_an_unfinished_job_keeps_to_what_its_pilots_chose(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    told = settings(jump, "egnn", walkers="auto", friction_per_ps="auto", time_ps=0.04, nve_ps=0.02)
    told = told.model_copy(update={"exact": True})
    break_off(monkeypatch, 3, tmp_path, ethane, told, flexible_engine, ethane_bursts, model)
    said = capsys.readouterr().out
    assert "walkers side by side" in said
    assert "friction" in said
    nvt, _ = run(tmp_path, ethane, told, flexible_engine, ethane_bursts, model)
    assert "friction" not in capsys.readouterr().out
    chosen = nvt.provenance["chosen"]
    assert len(list(nvt.segments())) == chosen["walkers"] >= 8
    assert f"friction {chosen['friction_per_ps']:.3g}/ps" in said
