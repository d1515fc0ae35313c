"""The k-step family's row of the conformance suite."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor
from torch_geometric.data import Batch

from mdsnake.families.kstep.config import Jump
from mdsnake.families.kstep.features import ELEMENTS
from mdsnake.families.kstep.model import KstepModel
from mdsnake.families.kstep.task import load_model
from mdsnake.store.checkpoint import save_model
from tests.families.kstep.toys import toy_batch, toy_model

VECTORS = ("velocities", "forces", "target_velocities", "target_forces")
POINTS = ("positions", "target_positions")
INDICES = ("pair_index", "bonds", "angles", "dihedrals", "rigid")


def case(kind: str, jump: Jump) -> dict[str, Any]:
    return {
        "model": partial(toy_model, kind, jump),
        "batch": partial(toy_batch, "H2O", "CH3OH", "C2H6", jump=jump),
        "moved": moved,
        "turned": lambda name, value, turn: value @ turn.T,
        "permuted": permuted,
        "inputs": ("positions", "velocities"),
        "fit": (1e-2, 40, 3.0),
        "save": save,
        "load": partial(load_model, jump=jump),
        "refused": {
            "trained for k 4, asked for 8": partial(load_after, k=8),
            "trained for timestep_fs 1.0, asked for 2.0": partial(load_after, timestep_fs=2.0),
            "its units are": partial(load_changed, units={"length": "angstrom", "time": "ps"}),
            "another set of elements": partial(load_changed, elements=list(ELEMENTS[:-1])),
        },
    }


def moved(batch: Batch, turn: Tensor, shift: Tensor) -> Batch:
    result = batch.clone()
    for name in VECTORS + POINTS:
        result[name] = (batch[name].double() @ turn.T + (shift if name in POINTS else 0.0)).to(batch[name].dtype)
    return result


def permuted(batch: Batch, generator: Generator) -> tuple[Batch, Tensor]:
    """Atoms of each molecule in another order, and pairs the other way round."""
    starts, sizes = batch.ptr[:-1].tolist(), batch.ptr.diff().tolist()
    order = torch.cat([at + torch.randperm(n, generator=generator) for at, n in zip(starts, sizes, strict=True)])
    place, result = torch.argsort(order), batch.clone()
    for name in (*VECTORS, *POINTS, "masses", "atom_row"):
        result[name] = batch[name][order]
    for name in INDICES:
        result[name] = place[batch[name]]
    result.pair_index = result.pair_index.flip(0)
    return result, order


def header(model: KstepModel) -> dict[str, Any]:
    """What `load_model` asks of a file."""
    return {
        "family": "kstep", "member": "toy", "network": model.network.model_dump(), "jump": model.jump.model_dump(),
        "elements": list(ELEMENTS), "units": {"length": "nm", "time": "ps", "mass": "Da", "energy": "kJ/mol"},
    }  # fmt: skip


def save(path: Path, model: KstepModel) -> None:
    save_model(path, model, header(model))


def load_after(path: Path, model: KstepModel, **changes: Any) -> None:
    """Ask the model's own file for another jump."""
    save(path, model)
    load_model(path, model.jump.model_copy(update=changes))


def load_changed(path: Path, model: KstepModel, **changes: Any) -> None:
    """Load a file whose header was made by other means."""
    save_model(path, model, header(model) | changes)
    load_model(path, model.jump)
