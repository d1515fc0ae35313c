"""A trained network as the proposal of a jump."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Batch

from mdsnake.families.base import resolve_device
from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.config import Jump
from mdsnake.families.kstep.features import molecule_tensors
from mdsnake.families.kstep.hybrid import Proposal
from mdsnake.families.kstep.model import KstepModel
from mdsnake.families.kstep.task import load_model
from mdsnake.store.graph import MoleculeGraph


def learned_proposal(path: Path, jump: Jump, graph: MoleculeGraph, device: str = "auto") -> Proposal:
    """The network in the file `path`, which must be one for `jump`."""
    return as_proposal(load_model(path, jump).to(resolve_device(device)), graph)


def as_proposal(model: KstepModel, graph: MoleculeGraph) -> Proposal:
    """All walkers of a molecule in one batch; what depends on the bonds alone is computed once."""
    tensors, weights = molecule_tensors(graph), np.array(graph.masses)[:, None] / np.sum(graph.masses)
    device, unused = next(model.parameters()).device, torch.Generator()

    @functools.lru_cache(maxsize=1)
    def template(shape: tuple[int, ...]) -> tuple[Batch, Any]:
        batch = collate([(tensors, {"positions": torch.zeros(shape, dtype=torch.float64)})]).to(device)
        with torch.no_grad():
            return batch, model.chemistry(batch)

    def propose(x: np.ndarray, v: np.ndarray, force: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batch, chemistry = template(x.shape)
        for name, values in (("positions", x - (weights * x).sum(1, keepdims=True)), ("velocities", v)):
            batch[name] = torch.tensor(values.reshape(-1, 3), dtype=torch.float64, device=device)
        outputs = model.sample(batch, unused, chemistry=chemistry)
        dx, dv = (outputs[name].cpu().double().numpy().reshape(x.shape) for name in ("displacement", "velocity_change"))
        return dx, dv

    return propose
