"""Trainings and model files of this family."""

from pathlib import Path
from typing import Annotated

import torch
from pydantic import BaseModel, Field

from mdsnake.errors import UserError
from mdsnake.families.backbone.cartesian import CartesianModel
from mdsnake.families.backbone.config import About, Cartesian, Frames, Length, Network, TrainSettings
from mdsnake.families.backbone.data import WindowBatches, load_chains
from mdsnake.families.backbone.frames import FramesModel
from mdsnake.families.backbone.model import BackboneModel
from mdsnake.families.base import Task
from mdsnake.inputs import parse
from mdsnake.store.checkpoint import read_model
from mdsnake.store.windows import Windows


def make_model(network: Cartesian | Frames, about: About, seed: int) -> BackboneModel:
    """A model with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CartesianModel(network, about) if isinstance(network, Cartesian) else FramesModel(network, about)


def open_task(windows: Path, settings: TrainSettings, init: Path | None) -> Task:
    """The training that `settings` describe, on `windows`; it starts from random weights, never from `init`."""
    if init:
        raise UserError(f"{init}: backbone trains from scratch; leave the first model out")
    index = Windows.load(windows)
    about = parse(About, index.about, str(windows))
    training, validation = (load_chains(index.of(split), about) for split in ("train", "validation"))
    if not training:
        raise UserError(f"{windows}: no protein to train on; add some, or widen residues")
    model = make_model(settings.network, about, settings.seed)
    header = {
        "family": "backbone",
        "member": settings.member,
        "network": settings.network.model_dump(),
        "about": about.model_dump(),
        "lengths": sorted(set[int]().union(*(chain.lengths for chain in training))),
        "settings": settings.model_dump(mode="json"),
    }
    batches = WindowBatches(
        training,
        validation,
        settings.training.batch_size,
        cropped=settings.cropped,
        shortest=about.residues.min,
        scaffolded=settings.scaffolded,
        shape_weight=settings.shape_weight,
    )
    return Task(model, batches, settings.training, settings.seed, header, 0.0, keep="last")


class Header(BaseModel):
    """What a model file must tell."""

    network: Network
    about: About
    lengths: Annotated[list[Length], Field(min_length=1)]


def load_model(path: Path, network: Cartesian | Frames) -> tuple[BackboneModel, list[int]]:
    """The model of a file, and the lengths that it was trained on; another network than asked for is a `UserError`."""
    header, weights = read_model(path)
    if header.get("family") != "backbone":
        raise UserError(f"{path}: a model of family {header.get('family')!r}, expected 'backbone'")
    told = parse(Header, header, str(path), "train it again with this version")
    if told.network != network:
        mine, asked = told.network.model_dump(), network.model_dump()
        key = next(key for key in asked if mine.get(key) != asked[key])
        raise UserError(f"{path}: its network has {key} {mine.get(key)!r}, asked for {asked[key]!r}; train one for it")
    model = make_model(told.network, told.about, 0)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise UserError(f"{path}: its weights do not fit the network of its header; train it again") from error
    return model.eval(), told.lengths


def files_of(windows: Path) -> list[Path]:
    """The files besides `windows` that a training depends on."""
    return [Path(group.trajectory) for group in Windows.load(windows).groups if group.split != "test"]
