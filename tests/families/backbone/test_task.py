import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from mdsnake.config import Training
from mdsnake.errors import UserError
from mdsnake.families.backbone.config import TrainSettings
from mdsnake.families.backbone.task import files_of, load_model, open_task
from mdsnake.store.windows import Windows
from mdsnake.train.stage import train
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


TRAIN = """
import sys
from pathlib import Path
from mdsnake.families.backbone.config import TrainSettings
from mdsnake.train.stage import train
folder, told = Path(sys.argv[1]), TrainSettings.model_validate_json(sys.argv[2])
if __name__ == "__main__":
    out, history = folder / "two.safetensors", folder / "two.csv"
    train(folder / "windows.json", told, None, out, history, folder / "two", "cpu")
"""


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    """Two batches of half the size, averaged by gloo, against one; the draws differ, so the losses nearly agree."""
    windows = save_windows(tmp_path, 20, 9, 12, 14)
    whole = {"max_steps": 30, "validate_every": 15, "batch_size": 8}
    train(windows, settings(**whole), None, tmp_path / "one.safetensors", tmp_path / "one.csv", tmp_path / "one", "cpu")
    (tmp_path / "two.py").write_text(TRAIN)
    told = settings(**whole | {"devices": 2, "batch_size": 4}).model_dump_json()
    done = subprocess.run(
        [sys.executable, str(tmp_path / "two.py"), str(tmp_path), told], capture_output=True, text=True, timeout=900,
        env=os.environ | {"PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("one", "two"))
    assert one["step"].tolist() == two["step"].tolist() == [15, 30]
    assert two["val_loss"].iloc[-1] == pytest.approx(one["val_loss"].iloc[-1], rel=0.2)
    assert two["val_loss"].iloc[-1] < two["val_loss"].iloc[0]
    assert load_model(tmp_path / "two.safetensors", network("cartesian"))[1] == [9, 12, 14, 16]
