"""Trainings and model files of this family."""

from pathlib import Path

import torch
from pydantic import BaseModel

from mdsnake.errors import UserError
from mdsnake.families.base import Task
from mdsnake.families.trajbert.config import Network, System, TrainSettings, WindowSettings
from mdsnake.families.trajbert.data import TrajectoryWindows, WindowBatches, about_of, load_windows
from mdsnake.families.trajbert.model import TrajbertModel
from mdsnake.inputs import parse
from mdsnake.store.checkpoint import read_model
from mdsnake.store.windows import Windows


def open_task(windows: Path, settings: TrainSettings, init: Path | None) -> Task:
    """The training that `settings` describe, on `windows`; it starts from random weights, never from `init`."""
    if init:
        raise UserError(f"{init}: trajbert trains from scratch; leave the first model out")
    index = Windows.load(windows)
    about = about_of(index, windows)
    training, validation = (_only(windows, index, split, about) for split in ("train", "validation"))
    if not training:
        raise UserError(f"{windows}: no window to train on; lower window.length or raise trajectories.train.frames")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        model = TrajbertModel(settings.network, about, settings.loss)
    model.standardise(training.x, training.displacements())
    if not torch.minimum(model.step, model.deviation).gt(0).all():
        raise UserError(f"{windows}: the walkers that it is of stand still; lengthen record and simulate again")
    batches = WindowBatches(training, validation, settings.training.batch_size, about.window.shortest)
    header = {
        "family": "trajbert",
        "member": settings.member,
        "network": settings.network.model_dump(),
        "about": about.model_dump(),
        "settings": settings.model_dump(mode="json"),
    }
    return Task(model, batches, settings.training, settings.seed, header, training.seconds)


def _only(windows: Path, index: Windows, split: str, about: WindowSettings) -> TrajectoryWindows | None:
    """The windows of a split, which are of one file; None where there is none."""
    groups = [group for group in index.of(split) if group.starts]
    if len(groups) > 1:
        raise UserError(f"{windows}: {len(groups)} files in the split {split!r}, not one; run `mdsnake window` again")
    return load_windows(groups[0], about) if groups else None


class Header(BaseModel):
    """What a model file must tell."""

    network: Network
    about: WindowSettings


def load_model(path: Path, system: System) -> TrajbertModel:
    """The model of a file, if it is for `system`; other dynamics are a `UserError`."""
    header, weights = read_model(path)
    if header.get("family") != "trajbert":
        raise UserError(f"{path}: a model of family {header.get('family')!r}, expected 'trajbert'")
    told = parse(Header, header, str(path), "train it again with this version")
    for name, wanted in system:
        found = getattr(told.about.system, name)
        if found != wanted:
            raise UserError(f"{path}: trained for {name} {found!r}, asked for {wanted!r}; train one for it")
    model = TrajbertModel(told.network, told.about)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path}: its weights do not fit the network of its header; train it again") from error
    return model.eval()


def files_of(windows: Path) -> list[Path]:
    """The files besides `windows` that a training depends on."""
    return [Path(group.trajectory) for group in Windows.load(windows).groups if group.split != "test"]
