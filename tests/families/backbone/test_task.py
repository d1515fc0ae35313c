import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Batch

from mdsnake.config import Training
from mdsnake.errors import UserError
from mdsnake.families.backbone.config import TrainSettings
from mdsnake.families.backbone.task import files_of, load_model, open_task
from mdsnake.store.windows import Windows
from mdsnake.train import module
from mdsnake.train.module import Epoch
from mdsnake.train.stage import fit, train
from tests.families.backbone.toys import network, save_windows


def settings(kind: str = "cartesian", **training: Any) -> TrainSettings:
    told = {"batch_size": 4, "max_steps": 20, "validate_every": 10, "warmup_steps": 2, "ema_decay": 0.5}
    return TrainSettings(member="toy", network=network(kind), training=Training.model_validate(told | training), seed=0)


@pytest.mark.parametrize("kind", ["cartesian", "frames"])
def test_a_training_leaves_a_model_and_its_curves(kind: str, tmp_path: Path) -> None:
    windows, out, history = save_windows(tmp_path, 20, 9), tmp_path / "model.safetensors", tmp_path / "history.csv"
    train(windows, settings(kind), None, out, history, tmp_path / "work", "cpu")
    model, lengths = load_model(out, network(kind))
    assert lengths == [9, 16]
    assert not model.training
    curves = pd.read_csv(history)
    assert curves["step"].tolist() == [10, 20]
    assert {"train_loss", "train_noise", "val_loss"} <= {*curves.columns}


def test_a_training_depends_on_all_but_the_test_files(tmp_path: Path) -> None:
    assert [path.parent.name for path in files_of(save_windows(tmp_path, 20, 9))] == ["toy0", "toy1", "toy2"]


def test_the_seed_decides_the_first_weights(tmp_path: Path) -> None:
    path = save_windows(tmp_path, 9)
    first, again = (open_task(path, settings(), None).model.state_dict() for _ in range(2))
    other = open_task(path, settings().model_copy(update={"seed": 1}), None).model.state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["inputs.weight"], other["inputs.weight"])


def test_what_cannot_be_trained_is_one_clear_line(tmp_path: Path) -> None:
    path = save_windows(tmp_path, 9)
    with pytest.raises(UserError, match="backbone trains from scratch; leave the first model out"):
        open_task(path, settings(), tmp_path / "model.safetensors")
    index = Windows.load(path)
    Windows(index.about, index.of("validation")).save(path)
    with pytest.raises(UserError, match="no protein to train on"):
        open_task(path, settings(), None)
    Windows({"family": "trajbert"}, index.groups).save(path)
    with pytest.raises(UserError, match=r"windows\.json: "):
        open_task(path, settings(), None)


TWO = """
import os, socket, sys
from multiprocessing import get_context
from pathlib import Path
import torch
from mdsnake.families.backbone.config import TrainSettings
from mdsnake.families.backbone.task import open_task
from mdsnake.train.stage import fit

def learn(rank):
    folder, told = Path(sys.argv[1]), TrainSettings.model_validate_json(sys.argv[2])
    os.environ["LOCAL_RANK"] = str(rank)  # so that Lightning starts none, which would take as long as all else
    task = open_task(folder / "windows.json", told, None)
    fit(task, folder / "two", "cpu")
    torch.save(task.model.state_dict(), folder / f"{rank}.pt")

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    os.environ["MASTER_PORT"] = str(free.getsockname()[1])
both = [get_context("fork").Process(target=learn, args=(rank,)) for rank in range(2)]
for process in both:
    process.start()
for process in both:
    process.join()
sys.exit(any(process.exitcode for process in both))
"""


class BothRanks(Epoch):
    """The batches of two processes in turn."""

    def __getitem__(self, index: int) -> Batch:
        if index >= self.length:
            raise IndexError(index)
        seed, epoch, _ = self.key
        return self.batches.train_batch(np.random.default_rng([seed, epoch, index % 2, index // 2]))


@pytest.mark.parametrize(("kind", "learned"), [("cartesian", "outputs.weight"), ("frames", "context.place.weight")])
def test_two_processes_learn_what_one_learns(
    kind: str, learned: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes average their gradients by gloo; one adds up those of the same batches with the same noise."""
    windows = save_windows(tmp_path, 20, 9, 12, 14)
    few = {"max_steps": 4, "validate_every": 4, "ema_decay": 0.0}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "two.py").write_text(TWO)
    told = settings(kind, **few | {"devices": 2}).model_dump_json()
    running = subprocess.Popen(
        [sys.executable, str(tmp_path / "two.py"), str(tmp_path), told], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    seed = module._seed
    monkeypatch.setattr(module, "Epoch", BothRanks)
    monkeypatch.setattr(module, "_seed", lambda first, epoch, index, _: seed(first, epoch, index // 2, index % 2))
    task = open_task(windows, settings(kind, **few | {"accumulate_batches": 2}), None)
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    fit(task, tmp_path / "one", "cpu")
    errors = running.communicate(timeout=300)[1]
    assert running.returncode == 0, errors[-2000:]
    one, first, second = task.model.state_dict(), *(torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    for name, value in one.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], value, rtol=0, atol=1e-5)
    assert not torch.allclose(one[learned], before[learned], rtol=0, atol=1e-4)
