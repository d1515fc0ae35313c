import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mdsnake.config import Training
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import Augmentation, Jump, LossWeights, TrainSettings
from mdsnake.families.kstep.model import KstepModel
from mdsnake.families.kstep.task import files_of, load_model, open_task
from mdsnake.store.checkpoint import read_model, save_model
from mdsnake.store.windows import Windows
from tests.families.kstep.case import header, save
from tests.families.kstep.toys import JUMP, network, stirred, toy_model


def settings(kind: str = "egnn", seed: int = 0, frozen: int = 0, **changes: Any) -> TrainSettings:
    return TrainSettings(
        member=kind, network=network(kind, **changes), loss=LossWeights(), augmentation=Augmentation(),
        training=Training(batch_size=4), frozen_layers=frozen, seed=seed,
    )  # fmt: skip


def same(first: KstepModel, second: KstepModel) -> bool:
    other = second.state_dict()
    return all(torch.equal(value, other[name]) for name, value in first.state_dict().items())


def test_the_header_tells_what_the_model_is_for(windows: Path, jump: Jump, tmp_path: Path) -> None:
    task = open_task(windows, settings(), None)
    assert task.header["jump"] == jump.model_dump()
    assert task.header["trained_on"] == ["c2h6"]
    assert task.header["init"] is None
    assert task.data_seconds > 0
    save_model(tmp_path / "model.safetensors", task.model, task.header)
    loaded = load_model(tmp_path / "model.safetensors", jump)
    assert same(task.model, loaded)
    assert json.loads(json.dumps(task.header)) == task.header


def test_the_seed_decides_the_start_and_leaves_the_global_generator_alone(windows: Path) -> None:
    state = torch.get_rng_state()
    first, second, third = (open_task(windows, settings(seed=seed), None).model for seed in (3, 3, 4))
    assert same(first, second)
    assert not same(first, third)
    assert torch.equal(torch.get_rng_state(), state)


def test_only_a_model_of_forces_alone_serves_another_k(windows: Path, jump: Jump, tmp_path: Path) -> None:
    longer, path = jump.model_copy(update={"k": 2 * jump.k}), tmp_path / "model.safetensors"
    for force_first, serves in ((1.0, True), (0.9, False)):
        told = settings().model_copy(update={"loss": LossWeights(force_first=force_first)})
        task = open_task(windows, told, None)
        save_model(path, task.model, task.header)
        assert same(task.model, load_model(path, jump))
        if serves:
            loaded = load_model(path, longer)
            assert same(task.model, loaded)
            assert len(loaded.drifts) > len(task.model.drifts)
        else:
            with pytest.raises(UserError, match=f"trained for k {jump.k}, asked for {2 * jump.k}"):
                load_model(path, longer)
    with pytest.raises(UserError, match="trained for timestep_fs"):
        load_model(path, jump.model_copy(update={"timestep_fs": 2 * jump.timestep_fs}))


def test_a_transfer_starts_from_the_other_engines_weights(windows: Path, tmp_path: Path) -> None:
    path, source = tmp_path / "mm.safetensors", stirred(toy_model())
    source.jump = JUMP.model_copy(update={"engine": "other", "k": 9, "timestep_fs": 0.5})
    save(path, source)
    task = open_task(windows, settings(frozen=1), path)
    assert same(task.model, source)
    assert task.header["init"] == str(path)
    held = {name.split(".")[0] for name, p in task.model.named_parameters() if not p.requires_grad}
    assert held == {"atom_embedding", "pair_embedding", "bonds", "layers"}
    assert all(p.requires_grad for name, p in task.model.named_parameters() if name.startswith("layers.1"))


@pytest.mark.parametrize("change", [{"width": 8}, {"kind": "transformer-egnn"}, {"layers": 1}])
def test_a_transfer_to_another_network_is_refused(windows: Path, tmp_path: Path, change: dict[str, Any]) -> None:
    (name, value) = next(iter(change.items()))
    save(tmp_path / "mm.safetensors", toy_model(**change))
    with pytest.raises(
        UserError, match=rf"mm\.safetensors: its network has {name} {value!r}, this member's .*; give both"
    ):
        open_task(windows, settings(), tmp_path / "mm.safetensors")


def test_nothing_to_train_on_is_one_clear_line(windows: Path, tmp_path: Path) -> None:
    index = Windows.load(windows)
    Windows(index.about, [dataclasses.replace(g, starts=[]) for g in index.groups]).save(tmp_path / "k4.json")
    with pytest.raises(UserError, match=r"k4\.json: no window to train on; lower k or window_stride, or lengthen"):
        open_task(tmp_path / "k4.json", settings(), None)


def test_a_training_depends_on_its_data_but_not_on_the_test_split(windows: Path) -> None:
    groups = Windows.load(windows).groups
    assert {group.split for group in groups} == {"train", "validation", "test"}
    used = [group for group in groups if group.split != "test"]
    expected = {path for g in used for path in (Path(g.trajectory), Path(g.prepared) / "graph.json")}
    assert set(files_of(windows)) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "trajdiff"}, "a model of family 'trajdiff', expected 'kstep'"),
        ({"jump": JUMP.model_copy(update={"engine": "qm"}).model_dump()}, "trained for engine 'qm', asked for 'mm'"),
        ({"jump": JUMP.model_copy(update={"k": 8}).model_dump()}, "trained for k 8, asked for 4"),
        ({"units": {"length": "nm", "time": "fs"}}, "its units are"),
        ({"elements": [1, 6, 8]}, "made for another set of elements"),
        ({"network": network(width=8).model_dump()}, "its weights do not fit the network of its header"),
        ({"network": {"kind": "egnn", "depth": 3}}, "depth: unknown key"),
    ],
)
def test_a_file_that_does_not_fit_is_one_clear_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path, model = tmp_path / "model.safetensors", toy_model()
    save_model(path, model, header(model) | changes)
    with pytest.raises(UserError) as error:
        load_model(path, JUMP)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_or_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(UserError, match="no such model; train it first"):
        load_model(path, JUMP)
    save(path, toy_model())
    content = path.read_bytes()
    for kept in (0, 100, len(content) - 10):
        path.write_bytes(content[:kept])
        with pytest.raises(UserError, match="damaged or not an mdsnake model"):
            load_model(path, JUMP)
    save_model(path, toy_model(), {"format": 99})
    with pytest.raises(UserError, match="model format 99, this version reads"):
        read_model(path)
