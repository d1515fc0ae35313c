import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
import torch

from mdsnake.config import Training
from mdsnake.errors import OutOfTime, UserError
from mdsnake.families.base import Task
from mdsnake.families.kstep.config import Augmentation, Jump, LossWeights, Network, TrainSettings
from mdsnake.families.kstep.task import load_model, open_task
from mdsnake.store.budget import Budget
from mdsnake.store.checkpoint import read_model
from mdsnake.train.stage import fit, train
from tests.train.toys import TRUTH, line_task

NETWORK = Network(kind="egnn", layers=2, bond_layers=1, width=8, radial_functions=4)


class Interruption:
    """Ctrl-C at the given call."""

    def __init__(self, call: int) -> None:
        self.left = call

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def folder(path: Path, name: str) -> Path:
    (path / name).mkdir()
    return path / name


def settings(**training: Any) -> TrainSettings:
    told = {"batch_size": 4, "max_steps": 6, "validate_every": 3, "warmup_steps": 2}
    return TrainSettings(
        member="egnn", network=NETWORK, loss=LossWeights(), augmentation=Augmentation(),
        training=Training.model_validate(told | training), seed=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes", [{}, {"ema_decay": 0.0, "max_steps": 25}, {"accumulate_batches": 2}, {"precision": "bf16-mixed"}]
)
@pytest.mark.parametrize("call", [1, 11, 25])
def test_an_interrupted_training_ends_bitwise_the_same(tmp_path: Path, call: int, changes: dict[str, Any]) -> None:
    whole, parted = line_task(**changes), line_task(Interruption(call), **changes)
    curves = fit(whole, folder(tmp_path, "whole"), "cpu")
    with pytest.raises(KeyboardInterrupt):
        fit(parted, folder(tmp_path, "parted"), "cpu")
    calls: list[int] = []
    again = line_task(lambda: calls.append(0), **changes)
    resumed = fit(again, tmp_path / "parted", "cpu")
    stretch = 10 * whole.training.accumulate_batches
    done = (call - 1) // stretch * stretch
    assert len(calls) == whole.training.max_steps * whole.training.accumulate_batches - done
    assert torch.equal(again.model.weight, whole.model.weight)
    for name in ("step", "lr", "train_loss", "val_loss"):
        assert [row[name] for row in resumed.rows] == [row[name] for row in curves.rows]


def test_an_interrupted_training_by_muon_ends_bitwise_the_same(windows: Path, tmp_path: Path) -> None:
    def task(optimizer: str = "muon") -> Task:
        return open_task(windows, settings(optimizer=optimizer), None)

    whole, again, other = task(), task(), task("adamw")
    fit(whole, folder(tmp_path, "whole"), "cpu")
    fit(other, folder(tmp_path, "other"), "cpu")
    with pytest.raises(OutOfTime):
        fit(task(), folder(tmp_path, "parted"), "cpu", Budget(1e-9))
    fit(again, tmp_path / "parted", "cpu")
    weights = whole.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in again.model.state_dict().items())
    assert not torch.allclose(other.model.state_dict()["bonds.0.message.weight"], weights["bonds.0.message.weight"])


def test_a_complete_training_that_was_not_saved_gives_the_same_average(tmp_path: Path) -> None:
    first, again = line_task(), line_task()
    rows = fit(first, tmp_path, "cpu").rows
    assert fit(again, tmp_path, "cpu").rows == rows
    assert torch.equal(again.model.weight, first.model.weight)


def test_the_seed_decides_the_training(tmp_path: Path) -> None:
    tasks = [line_task(seed=seed) for seed in (0, 0, 1)]
    for index, task in enumerate(tasks):
        fit(task, folder(tmp_path, str(index)), "cpu")
    first, second, third = (task.model.weight for task in tasks)
    assert torch.equal(first, second)
    assert not torch.equal(first, third)


def test_it_learns(tmp_path: Path) -> None:
    task = line_task(max_steps=120, ema_decay=0.5)
    fit(task, tmp_path, "cpu")
    torch.testing.assert_close(task.model.weight, TRUTH, atol=0.05, rtol=0)
    assert task.model.held.item() == 1


def test_what_is_kept_is_the_average_of_the_weights(tmp_path: Path) -> None:
    seen: list[torch.Tensor] = []
    task = line_task(lambda: seen.append(task.model.weight.detach().clone()), ema_decay=0.8, weight_decay=0.0)
    plain = line_task(ema_decay=0.0, weight_decay=0.0)
    fit(task, folder(tmp_path, "average"), "cpu")
    fit(plain, folder(tmp_path, "plain"), "cpu")
    steps = [*seen[1:], plain.model.weight.detach()]  # weights after each of the 30 steps
    average = steps[0]
    for weights in steps[1:]:
        average = 0.8 * average + 0.2 * weights
    torch.testing.assert_close(task.model.weight.detach(), average)
    assert not torch.allclose(average, steps[-1], atol=1e-3)


def test_averaging_leaves_integers_and_frozen_weights_alone(tmp_path: Path) -> None:
    task = line_task(ema_decay=0.9)
    task.model.register_buffer("rows", torch.arange(100), persistent=False)
    task.model.held.data[:] = 0.3
    fit(task, tmp_path, "cpu")
    assert torch.equal(task.model.rows, torch.arange(100))
    assert torch.equal(task.model.held, torch.full((1,), 0.3))


def test_validation_judges_the_average(tmp_path: Path) -> None:
    task = line_task()
    last = fit(task, tmp_path, "cpu").rows[-1]
    task.model.eval()
    losses = [task.model.loss(batch, torch.Generator())["loss"] for batch in task.batches.validation_batches()]
    assert last["val_loss"] == pytest.approx(torch.stack(losses).mean().item(), rel=0.05)


@pytest.mark.parametrize("keep", ["best", "last"])
def test_what_is_kept_is_the_best_validation_or_the_last(tmp_path: Path, keep: Literal["best", "last"]) -> None:
    patience = 1 if keep == "last" else 100  # which stops none that goes on to its end
    erratic: dict[str, Any] = {"learning_rate": 3.0, "final_learning_rate": 1.0, "weight_decay": 0.0, "ema_decay": 0.0}
    for _ in range(2):  # the second time it is read from what the first left
        task = line_task(max_steps=60, patience=patience, **erratic)
        task.keep = keep
        rows = fit(task, tmp_path, "cpu").rows
        losses = [row["val_loss"] for row in rows]
        task.model.eval()
        kept = [task.model.loss(batch, torch.Generator())["loss"] for batch in task.batches.validation_batches()]
        assert rows[-1]["step"] == 60
        assert min(losses) < 0.8 * losses[-1]
        expected = min(losses) if keep == "best" else losses[-1]
        assert torch.stack(kept).mean().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("validated", [True, False])
def test_a_training_that_gets_no_better_stops(tmp_path: Path, validated: bool) -> None:
    steps = len(fit(line_task(validated=validated, learning_rate=1e-30, patience=2), tmp_path, "cpu").rows)
    assert steps == 3
    more = fit(line_task(validated=validated, patience=2, max_steps=60), folder(tmp_path, "better"), "cpu")
    assert more.rows[-1]["step"] > 30


def test_the_last_stretch_is_validated_too(tmp_path: Path) -> None:
    rows = fit(line_task(max_steps=25), tmp_path, "cpu").rows
    assert [row["step"] for row in rows] == [10, 20, 25]
    assert len({row["val_loss"] for row in rows}) == 3


def test_the_history_has_a_row_a_validation(windows: Path, jump: Jump, tmp_path: Path, capsys: Any) -> None:
    out, history = tmp_path / "model.safetensors", tmp_path / "history.csv"
    train(windows, settings(max_steps=7), None, out, history, tmp_path / "work", "cpu")
    table = pd.read_csv(history)
    parts = ["loss", "velocity", "position", "energy", "force", "bond", "angle", "dihedral"]
    expected = {"step", "seconds", "lr", "data_seconds"} | {
        f"{stage}_{part}" for stage in ("train", "val") for part in parts
    }
    assert set(table.columns) == expected
    assert table["step"].tolist() == [3, 6, 7]
    assert table.notna().all(axis=None)
    assert table["seconds"].is_monotonic_increasing
    assert (table["data_seconds"] > 0).all()
    printed = capsys.readouterr().out.splitlines()
    assert "parameters, 7 steps of 4" in printed[0]
    assert [line.split(":")[0] for line in printed[1:]] == ["step 3 (43 %)", "step 6 (86 %)", "step 7 (100 %)"]
    header, _ = read_model(out)
    assert header["parameters"] > 1000
    assert header["train_seconds"] == pytest.approx(table["seconds"].iloc[-1])
    assert load_model(out, jump).network == NETWORK
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_trains_on_a_cpu(windows: Path, tmp_path: Path, precision: str, optimizer: str) -> None:
    out = tmp_path / "model.safetensors"
    told = settings(precision=precision, optimizer=optimizer)
    train(windows, told, None, out, tmp_path / "history.csv", tmp_path / "work", "cpu")
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in read_model(out)[1].values())


def test_frozen_layers_stay_as_they_were(windows: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    train(windows, settings(), None, first, tmp_path / "history.csv", tmp_path / "work", "cpu")
    told = settings(learning_rate=0.01).model_copy(update={"frozen_layers": 1})
    train(windows, told, first, second, tmp_path / "history.csv", tmp_path / "work", "cpu")
    before, after = read_model(first)[1], read_model(second)[1]
    for name, value in after.items():
        assert torch.equal(value, before[name]) != name.startswith("layers.1"), name


def test_what_an_earlier_training_left_is_used_only_where_it_fits(windows: Path, tmp_path: Path) -> None:
    work, out, history = tmp_path / "work", tmp_path / "model.safetensors", tmp_path / "history.csv"
    work.mkdir()
    (work / "fingerprint").write_text("of something else")
    (work / "last.ckpt").write_text("not a checkpoint")
    train(windows, settings(), None, out, history, work, "cpu")
    assert len(pd.read_csv(history)) == 2


def test_a_training_that_diverges_is_one_clear_line(tmp_path: Path) -> None:
    def diverge() -> None:
        with torch.no_grad():
            task.model.weight.fill_(torch.nan)

    task = line_task(diverge)
    with pytest.raises(UserError, match=r"^training: val_loss is not finite at step 10; lower learning_rate$"):
        fit(task, tmp_path, "cpu")


def test_a_device_that_is_out_of_memory_is_one_clear_line(tmp_path: Path) -> None:
    def exhaust() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with pytest.raises(UserError, match=r"^training: the device is out of memory; lower batch_size$"):
        fit(line_task(exhaust), tmp_path, "cpu")


def test_a_full_disk_is_one_clear_line_and_costs_one_stretch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match=r"best\.ckpt: the disk is full; free some space and run again"):
            fit(line_task(), tmp_path, "cpu")
    assert list(tmp_path.iterdir()) == []
    whole, again = line_task(), line_task()
    fit(again, tmp_path, "cpu")
    fit(whole, folder(tmp_path, "whole"), "cpu")
    assert torch.equal(again.model.weight, whole.model.weight)


@pytest.mark.parametrize(("cut", "first"), [("last.ckpt", 20), ("best.ckpt", 0)])
def test_a_cut_checkpoint_is_told_of_and_costs_no_more_than_it_must(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cut: str, first: int
) -> None:
    erratic: dict[str, Any] = {"learning_rate": 3.0, "final_learning_rate": 1.0, "ema_decay": 0.0, "weight_decay": 0.0}
    changes = {"max_steps": 50, **erratic}
    whole, parted = line_task(**changes), line_task(Interruption(45), **changes)
    losses = [row["val_loss"] for row in fit(whole, folder(tmp_path, "whole"), "cpu").rows]
    assert min(losses[:4]) == losses[1]  # best.ckpt is of step 20, last.ckpt of step 40
    with pytest.raises(KeyboardInterrupt):
        fit(parted, folder(tmp_path, "parted"), "cpu")
    path = tmp_path / "parted" / cut
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    calls: list[int] = []
    again = line_task(lambda: calls.append(0), **changes)
    capsys.readouterr()
    resumed = fit(again, tmp_path / "parted", "cpu")
    assert capsys.readouterr().out.startswith(f"{path}: damaged; discarded and made again\n")
    assert len(calls) == 50 - first
    assert [row["val_loss"] for row in resumed.rows] == losses
    assert torch.equal(again.model.weight, whole.model.weight)


def test_a_spent_budget_stops_at_a_validation(tmp_path: Path) -> None:
    whole = line_task()
    fit(whole, folder(tmp_path, "whole"), "cpu")
    for share in (33, 67):
        with pytest.raises(OutOfTime, match=rf"parted: stopped by the time budget at {share} %"):
            fit(line_task(), tmp_path / "parted", "cpu", Budget(1e-9))
    again = line_task()
    assert len(fit(again, tmp_path / "parted", "cpu", Budget(1e-9)).rows) == 3
    assert torch.equal(again.model.weight, whole.model.weight)


def test_two_processes_train_one_model(windows: Path, jump: Jump, tmp_path: Path) -> None:
    out, history, work = tmp_path / "model.safetensors", tmp_path / "history.csv", tmp_path / "work"
    told = settings(devices=2, max_steps=4, validate_every=2, optimizer="muon").model_dump_json()
    command = [
        "train",
        str(windows),
        "--settings",
        told,
        "--out",
        str(out),
        "--history",
        str(history),
        "--work",
        str(work),
    ]
    slurm = {"SLURM_NTASKS": "1", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "1"}  # as in a batch job
    done = subprocess.run(
        [sys.executable, "-m", "mdsnake", *command, "--device", "cpu"],
        capture_output=True, text=True, env=os.environ | slurm | {"PYTHONPATH": os.getcwd()}, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("step")] == ["2", "4"]
    assert pd.read_csv(history)["step"].tolist() == [2, 4]
    assert load_model(out, jump).network == NETWORK
    assert json.loads(told)["training"]["devices"] == 2
    assert not work.exists()
