"""A trained network as the proposal of a jump."""

import functools
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Batch

from mdsnake.families.base import resolve_device
from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.config import MOST_WALKERS, Jump
from mdsnake.families.kstep.features import molecule_tensors
from mdsnake.families.kstep.hybrid import Proposal
from mdsnake.families.kstep.model import Known, KstepModel
from mdsnake.families.kstep.task import load_model
from mdsnake.store.graph import MoleculeGraph

#: Places of which learned forces are kept: both ends of a jump of every walker, and of those that go on from there.
KEPT = 8 * MOST_WALKERS


def learned_proposal(path: Path, jump: Jump, graph: MoleculeGraph, device: str = "auto") -> Proposal:
    """The network in the file `path`, which must be one for `jump`."""
    return as_proposal(load_model(path, jump).to(resolve_device(device)), graph)


def as_proposal(model: KstepModel, graph: MoleculeGraph) -> Proposal:
    """All walkers of a molecule in one batch; what depends on the bonds alone is computed once for each size of batch.

    Learned forces at the ends of jumps serve the next ones, from where walkers went, stayed, or go on.
    """
    tensors, device, unused = molecule_tensors(graph), next(model.parameters()).device, torch.Generator()
    known: dict[bytes, torch.Tensor] = {}  # learned forces by place, the newest last

    @functools.lru_cache(maxsize=MOST_WALKERS)
    def template(shape: tuple[int, ...]) -> tuple[Batch, Known]:
        batch = collate([(tensors, {"positions": torch.zeros(shape, dtype=torch.float64)})]).to(device)
        with torch.no_grad():
            return batch, model.chemistry(batch)

    def remember(places: np.ndarray, forces: torch.Tensor) -> None:
        for place, force in zip(places, forces.view(places.shape), strict=True):
            known.pop(place.tobytes(), None)
            known[place.tobytes()] = force
        while len(known) > KEPT:
            del known[next(iter(known))]

    def propose(x: np.ndarray, v: np.ndarray, force: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batch, chemistry = template(x.shape)
        for name, values in (("positions", x), ("velocities", v)):
            batch[name] = torch.tensor(values.reshape(-1, 3), dtype=torch.float64, device=device)
        starts = [known.get(place.tobytes()) for place in x]
        told = [start for start in starts if start is not None]
        start = torch.cat(told) if len(told) == len(starts) else None
        outputs = model.sample(batch, unused, chemistry=chemistry, start=start)
        dx, dv = (outputs[name].cpu().numpy().reshape(x.shape) for name in ("displacement", "velocity_change"))
        remember(x, outputs["start_force"])
        remember(x + dx, outputs["end_force"])
        return dx, dv

    return propose
