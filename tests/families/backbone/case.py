"""The rows of the backbone models in the conformance suite."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from torch_geometric.data import Batch

from mdsnake.families.backbone.data import collate
from mdsnake.families.backbone.model import BackboneModel
from mdsnake.families.backbone.task import load_model
from mdsnake.store.checkpoint import save_model
from tests.families.backbone.toys import network, toy_batch, toy_model


def case(kind: str) -> dict[str, Any]:
    return {
        "model": partial(toy_model, kind),
        "batch": partial(toy_batch, 6, 12, 9),
        "moved": moved,
        "turned": turned,
        "permuted": permuted,
        "inputs": ("coords",),
        "fit": (3e-3, 150, 1.5),
        "save": save,
        "load": partial(load, kind=kind),
        "refused": {
            "its network has width 16, asked for 32": partial(ask, kind=kind, width=32),
            "its network has timesteps 50, asked for 60": partial(ask, kind=kind, timesteps=60),
            f"its network has kind {kind!r}": partial(ask, kind="frames" if kind == "cartesian" else "cartesian"),
            "its weights do not fit": partial(load_changed, kind=kind, network=network(kind, width=32).model_dump()),
            "a model of family 'kstep'": partial(load_changed, kind=kind, family="kstep"),
        },
        "tolerance": 2e-4,  # of twenty steps in a row
    }


def moved(batch: Batch, turn: Tensor, shift: Tensor) -> Batch:
    """The samples turned, then shifted by as many Å."""
    other = batch.clone()
    other.coords = (batch.coords.double() @ turn.T + shift).float()
    return other


def turned(name: str, value: Tensor, turn: Tensor) -> Tensor:
    return value @ turn.T


def permuted(batch: Batch, generator: Generator) -> tuple[Batch, Tensor]:
    """The samples in another order: within one, the order is that of the chain."""
    order = [2, 0, 1]
    sizes = batch.ptr.diff().tolist()
    nodes = torch.arange(len(batch.batch)).split(sizes)
    parts = batch.coords.split(sizes)
    other = collate([parts[i] for i in order], batch.seed[order].tolist())
    other.share, other.scaffolded, other.shape_weight = batch.share[order], batch.scaffolded, batch.shape_weight
    return other, torch.cat([nodes[i] for i in order])


def header(model: BackboneModel) -> dict[str, Any]:
    """What `load_model` asks of a file."""
    about = {"network": model.network.model_dump(), "about": model.about.model_dump()}
    return {"family": "backbone", "lengths": [6, 12], **about}


def save(path: Path, model: BackboneModel) -> None:
    save_model(path, model, header(model))


def load(path: Path, kind: str) -> BackboneModel:
    return load_model(path, network(kind))[0]


def ask(path: Path, model: BackboneModel, kind: str, **changes: Any) -> None:
    """Ask the model's own file for another network."""
    save(path, model)
    load_model(path, network(kind, **changes))


def load_changed(path: Path, model: BackboneModel, kind: str, **changes: Any) -> None:
    """Load a file whose header was made by other means."""
    save_model(path, model, header(model) | changes)
    load_model(path, network(kind, width=32) if "network" in changes else network(kind))
