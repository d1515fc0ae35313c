"""The rows of the trajectory models in the conformance suite."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from torch_geometric.data import Batch

from mdsnake.families.trajbert.data import collate
from mdsnake.families.trajbert.model import TrajbertModel
from mdsnake.families.trajbert.task import load_model
from mdsnake.store.checkpoint import save_model
from tests.families.trajbert.toys import SYSTEM, network, toy_batch, toy_model


def case(mode: str, head: str) -> dict[str, Any]:
    return {
        "model": partial(toy_model, mode, head),
        "batch": partial(toy_batch, 5, 12, 9),
        "moved": None,
        "turned": None,
        "permuted": permuted,
        "inputs": ("positions",),
        "fit": (1e-2, 60, 1.5),
        "save": save,
        "load": partial(load_model, system=SYSTEM),
        "refused": {
            "trained for kT 15.0, asked for 20.0": partial(load_after, kT=20.0),
            "trained for record 0.0002, asked for 0.0004": partial(load_after, record=4e-4),
            "trained for dynamics 'overdamped', asked for 'langevin'": partial(
                load_after, dynamics="langevin", friction=1.0
            ),
            "its weights do not fit": partial(load_changed, network=network(mode, head, width=16).model_dump()),
            "a model of family 'kstep'": partial(load_changed, family="kstep"),
        },
    }


def permuted(batch: Batch, generator: Generator) -> tuple[Batch, Tensor]:
    """The windows in another order: within one, the order is time."""
    order = torch.tensor([2, 0, 1])
    nodes = torch.arange(len(batch.batch)).split(batch.ptr.diff().tolist())
    rows = torch.cat([nodes[window] for window in order])
    lengths = batch.ptr.diff()[order].tolist()
    return collate(batch.positions[rows], batch.next[rows], batch.state[rows], lengths), rows


def header(model: TrajbertModel) -> dict[str, Any]:
    """What `load_model` asks of a file."""
    return {"family": "trajbert", "network": model.network.model_dump(), "about": model.about.model_dump()}


def save(path: Path, model: TrajbertModel) -> None:
    save_model(path, model, header(model))


def load_after(path: Path, model: TrajbertModel, **changes: Any) -> None:
    """Ask the model's own file for other dynamics."""
    save(path, model)
    load_model(path, SYSTEM.model_copy(update=changes))


def load_changed(path: Path, model: TrajbertModel, **changes: Any) -> None:
    """Load a file whose header was made by other means."""
    save_model(path, model, header(model) | changes)
    load_model(path, SYSTEM)
