import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mdsnake.config import Training
from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import LossWeights, TrainSettings
from mdsnake.families.trajbert.task import files_of, load_model, open_task
from mdsnake.store.checkpoint import read_model, save_model
from mdsnake.store.windows import Windows
from mdsnake.train.stage import train
from tests.families.trajbert.toys import ABOUT, SYSTEM, network, save_windows, toy_batch, walkers


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_windows(tmp_path_factory.mktemp("windows"))


def settings(seed: int = 0, **training: Any) -> TrainSettings:
    told = {"batch_size": 8, "max_steps": 6, "validate_every": 3, "warmup_steps": 1} | training
    return TrainSettings(
        member="small-causal-mixture", network=network(), loss=LossWeights(), training=Training(**told), seed=seed
    )


def test_the_checkpoint_holds_what_a_trajectory_is_standardised_by(index: Path, tmp_path: Path) -> None:
    task = open_task(index, settings(), None)
    save_model(tmp_path / "model.safetensors", task.model, task.header)
    frames, steps = walkers().reshape(-1, 2), np.diff(walkers(), axis=1).reshape(-1, 2)
    _, weights = read_model(tmp_path / "model.safetensors")
    np.testing.assert_allclose(weights["mean"], frames.mean(0), rtol=1e-4)
    np.testing.assert_allclose(weights["deviation"], frames.std(0, ddof=1), rtol=1e-4)
    np.testing.assert_allclose(weights["step"], np.sqrt((steps**2).mean(0)), rtol=1e-4)
    loaded, batch = load_model(tmp_path / "model.safetensors", SYSTEM), toy_batch(12)
    assert torch.equal(loaded(batch)["next"], task.model(batch)["next"])
    assert loaded.about == ABOUT


def test_the_header_is_json_and_tells_what_the_model_is_for(index: Path) -> None:
    task = open_task(index, settings(), None)
    assert json.loads(json.dumps(task.header)) == task.header
    assert task.header["about"] == ABOUT.model_dump()
    assert task.data_seconds == 1.5


def test_the_seed_decides_the_start_and_leaves_the_global_generator_alone(index: Path) -> None:
    state = torch.get_rng_state()
    first, second, third = (open_task(index, settings(seed), None).model.inputs.weight for seed in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_training_depends_on_its_data_but_not_on_the_test_split(index: Path) -> None:
    assert set(files_of(index)) == {index.parent / "train.h5", index.parent / "validation.h5"}


def test_what_cannot_be_trained_is_one_clear_line(index: Path, tmp_path: Path) -> None:
    told = Windows.load(index)
    Windows(told.about, [dataclasses.replace(group, starts=[]) for group in told.groups]).save(tmp_path / "empty.json")
    with pytest.raises(UserError, match=r"empty\.json: no window to train on; lower window\.length"):
        open_task(tmp_path / "empty.json", settings(), None)
    Windows(told.about, [*told.groups, told.groups[0]]).save(tmp_path / "twice.json")
    with pytest.raises(UserError, match=r"twice\.json: 2 files in the split 'train', not one; run `mdsnake window`"):
        open_task(tmp_path / "twice.json", settings(), None)
    Windows({"engine": "mm"}, told.groups).save(tmp_path / "other.json")
    with pytest.raises(UserError, match=r"^\S*other\.json: "):
        open_task(tmp_path / "other.json", settings(), None)
    with pytest.raises(UserError, match=r"^first\.safetensors: trajbert trains from scratch"):
        open_task(index, settings(), Path("first.safetensors"))


def test_the_one_trainer_trains_it(index: Path, tmp_path: Path) -> None:
    model, history = tmp_path / "model.safetensors", tmp_path / "history.csv"
    train(index, settings(), None, model, history, tmp_path / "work", "cpu")
    assert load_model(model, SYSTEM).network == network()
    header, *rows = history.read_text().splitlines()
    assert {"val_loss", "val_trajectory", "val_state", "val_last"} <= set(header.split(","))
    assert len(rows) == 2
