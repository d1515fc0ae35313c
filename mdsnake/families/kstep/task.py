"""Trainings and model files of this family."""

from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from mdsnake.errors import UserError
from mdsnake.families.base import Task
from mdsnake.families.kstep.config import Jump, LossWeights, Network, TrainSettings
from mdsnake.families.kstep.data import WindowBatches, load_windows
from mdsnake.families.kstep.features import ELEMENTS
from mdsnake.families.kstep.model import KstepModel, freeze
from mdsnake.inputs import parse
from mdsnake.store.checkpoint import read_model
from mdsnake.store.windows import Windows


def open_task(windows: Path, settings: TrainSettings, init: Path | None) -> Task:
    """The training that `settings` describe, on `windows`, perhaps from the weights of the model file `init`."""
    index = Windows.load(windows)
    jump = parse(Jump, index.about, str(windows))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = KstepModel(settings.network, jump, settings.loss)
    if init:
        _take_weights(model, init)
        freeze(model, settings.frozen_layers)
    training, validation = (
        [load_windows(group, jump) for group in index.of(split)] for split in ("train", "validation")
    )
    if not any(len(w) for w in training):
        raise UserError(f"{windows}: no window to train on; lower k or window_stride, or lengthen the bursts")
    size, force_first = settings.training.batch_size, settings.loss.force_first
    batches = WindowBatches(training, validation, jump, settings.augmentation, size, force_first)
    header = {
        "family": "kstep",
        "member": settings.member,
        "network": settings.network.model_dump(),
        "jump": jump.model_dump(),
        "forces_alone": settings.loss.forces_alone,
        "elements": list(ELEMENTS),
        "units": {"length": "nm", "time": "ps", "mass": "Da", "energy": "kJ/mol"},
        "settings": settings.model_dump(mode="json"),
        "trained_on": sorted(w.name for w in training),
        "init": str(init) if init else None,
    }
    return Task(model, batches, settings.training, settings.seed, header, sum(w.seconds for w in training))


class Header(BaseModel):
    """What a model file must tell."""

    jump: Jump
    elements: list[Any]
    units: dict[str, str]
    network: Network
    forces_alone: bool = False


def load_model(path: Path, jump: Jump) -> KstepModel:
    """The model of a file, if it is for `jump`; another k, time step, unit or element set is a `UserError`.

    A model that learned forces alone is for jumps of any k.
    """
    told, weights = _read(path)
    for name, wanted in jump:
        found = getattr(told.jump, name)
        if found != wanted and not (name == "k" and told.forces_alone):
            raise UserError(f"{path}: trained for {name} {found!r}, asked for {wanted!r}; train one for it")
    model = KstepModel(told.network, jump, LossWeights())
    _load(model, weights, path)
    return model.eval()


def _take_weights(model: KstepModel, path: Path) -> None:
    told, weights = _read(path)
    for name, wanted in model.network:
        found = getattr(told.network, name)
        if found != wanted:
            raise UserError(f"{path}: its network has {name} {found!r}, this member's {wanted!r}; give both the same")
    _load(model, weights, path)


def _read(path: Path) -> tuple[Header, dict[str, torch.Tensor]]:
    header, weights = read_model(path)
    if header.get("family") != "kstep":
        raise UserError(f"{path}: a model of family {header.get('family')!r}, expected 'kstep'")
    told = parse(Header, header, str(path), "train it again with this version")
    if (told.units.get("length"), told.units.get("time")) != ("nm", "ps"):
        raise UserError(f"{path}: its units are {told.units}, expected nm and ps; train it again")
    if told.elements != list(ELEMENTS):
        raise UserError(f"{path}: made for another set of elements; train it again with this version")
    return told, weights


def _load(model: KstepModel, weights: dict[str, torch.Tensor], path: Path) -> None:
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path}: its weights do not fit the network of its header; train it again") from error


def files_of(windows: Path) -> list[Path]:
    """The files besides `windows` that a training depends on."""
    groups = Windows.load(windows).groups
    return [path for g in groups for path in (Path(g.trajectory), Path(g.prepared) / "graph.json") if g.split != "test"]
