"""Every stage that goes on from its own pieces, struck by every fault in turn: the result is as if nothing had been."""

import os
import signal
from pathlib import Path

import pytest

from mdsnake.config import Engine, SimulateSettings, Training
from mdsnake.families.kstep.config import Augmentation, Jump, LossWeights, Rollout, RolloutSettings, TrainSettings
from tests.families.kstep.toys import network
from tests.faults.strike import FAULTS, Fault, Job, contents, ends_as, run


def simulation(prepared: Path, engine: Engine, folder: Path) -> Job:
    told = SimulateSettings(name=prepared.name, engine=engine.plain, bursts=engine.bursts, seed=0).model_dump_json()
    out, work = folder / "out.h5", folder / "work"
    arguments = ["simulate", str(prepared), "--settings", told, "--run", "replica0"]
    return Job([*arguments, "--out", str(out), "--work", str(work)], work, [out])


@pytest.fixture
def mm(ethane: Path, mm_engine: Engine) -> tuple:
    return simulation, ethane, mm_engine.model_copy(update={"production_ps": 400, "record_fs": 200})


@pytest.fixture
def qm(water: Path, qm_engine: Engine) -> tuple:
    return simulation, water, qm_engine.model_copy(update={"production_ps": 2.0, "record_fs": 5})


@pytest.fixture
def rollout(ethane: Path, flexible_engine: Engine, jump: Jump, ethane_bursts: Path) -> tuple:
    told = RolloutSettings(
        member="verlet", jump=jump, rollout=Rollout(walkers=3, time_ps=4, nve_ps=4), seed=0
    ).model_dump_json()

    def job(folder: Path) -> Job:
        out, nve, work = folder / "a.h5", folder / "a.nve.h5", folder / "work"
        arguments = ["rollout", str(ethane), "--settings", told, "--engine", flexible_engine.plain.model_dump_json()]
        files = ["--start", str(ethane_bursts), "--out", str(out), "--nve", str(nve), "--work", str(work)]
        return Job(arguments + files, work, [out, nve])

    return (job,)


@pytest.fixture
def train(windows: Path) -> tuple:
    settings = TrainSettings(
        member="egnn", network=network(), loss=LossWeights(), augmentation=Augmentation(), seed=0,
        training=Training(batch_size=8, max_steps=50, validate_every=5, warmup_steps=5),
    )  # fmt: skip

    def job(folder: Path, **changes: int) -> Job:
        told = settings.model_copy(update={"training": settings.training.model_copy(update=changes)})
        out, history, work = folder / "model.safetensors", folder / "history.csv", folder / "work"
        arguments = [
            "train",
            str(windows),
            "--settings",
            told.model_dump_json(),
            "--device",
            "cpu",
            "--work",
            str(work),
        ]
        return Job([*arguments, "--out", str(out), "--history", str(history)], work, [out, history], "last.ckpt")

    return (job,)


@pytest.mark.parametrize("stage", ["mm", "qm", "rollout", "train"])
def test_a_job_that_every_fault_strikes_ends_bitwise_the_same(
    request: pytest.FixtureRequest, tmp_path: Path, stage: str
) -> None:
    make, *inputs = request.getfixturevalue(stage)
    whole, struck = make(*inputs, tmp_path / "whole"), make(*inputs, tmp_path / "struck")
    done = run(whole)
    assert done.status == 0, done.printed
    for name, fault in FAULTS.items():
        done = run(struck, fault)
        assert ends_as(fault, done), f"{name}: {done.status}: {done.printed}"
        assert not any(path.exists() for path in struck.outputs), name
        assert {path.name for path in (tmp_path / "struck").iterdir()} <= {"work", "work.lock"}, name
    done = run(struck)
    assert done.status == 0, done.printed
    assert "damaged; discarded and made again" in done.printed
    assert "going on at" in done.printed
    for expected, path in zip(whole.outputs, struck.outputs, strict=True):
        assert contents(path) == contents(expected)
    assert sorted(os.listdir(tmp_path / "struck")) == sorted(path.name for path in struck.outputs)


def test_two_processes_that_both_get_sigterm_end_at_once_and_go_on(train: tuple, tmp_path: Path) -> None:
    (make,) = train
    few = {"devices": 2, "max_steps": 6, "validate_every": 2}
    whole, struck = make(tmp_path / "whole", **few), make(tmp_path / "struck", **few)
    done = run(whole)
    assert done.status == 0, done.printed
    done = run(struck, Fault(lambda process: os.killpg(process.pid, signal.SIGTERM), 143, FAULTS["SIGTERM"].line))
    assert done.status == 143, done.printed
    assert "Traceback" not in done.printed, done.printed
    done = run(struck)
    assert done.status == 0, done.printed
    for expected, path in zip(whole.outputs, struck.outputs, strict=True):
        assert contents(path) == contents(expected)
