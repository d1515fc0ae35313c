"""A trained network as the proposal of a jump."""

import functools
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Batch

from mdsnake.families.base import resolve_device
from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.config import Jump
from mdsnake.families.kstep.features import molecule_tensors
from mdsnake.families.kstep.hybrid import Proposal
from mdsnake.families.kstep.model import Known, KstepModel
from mdsnake.families.kstep.task import load_model
from mdsnake.store.graph import MoleculeGraph


def learned_proposal(path: Path, jump: Jump, graph: MoleculeGraph, device: str = "auto") -> Proposal:
    """The network in the file `path`, which must be one for `jump`."""
    return as_proposal(load_model(path, jump).to(resolve_device(device)), graph)


def as_proposal(model: KstepModel, graph: MoleculeGraph) -> Proposal:
    """All walkers of a molecule in one batch; what depends on the bonds alone is computed once.

    Learned forces at the ends of the last jump serve the next one, of a walker that took the jump or stayed.
    """
    tensors, device, unused = molecule_tensors(graph), next(model.parameters()).device, torch.Generator()
    ends: list[tuple[np.ndarray, torch.Tensor]] = []

    @functools.lru_cache(maxsize=1)
    def template(shape: tuple[int, ...]) -> tuple[Batch, Known]:
        batch = collate([(tensors, {"positions": torch.zeros(shape, dtype=torch.float64)})]).to(device)
        with torch.no_grad():
            return batch, model.chemistry(batch)

    def known_forces(x: np.ndarray) -> torch.Tensor | None:
        """Where every walker is at one end of its last jump."""
        if not ends or ends[0][0].shape != x.shape:
            return None
        at = torch.from_numpy(np.stack([(x == place).all((1, 2)) for place, _ in ends]))
        if not at.any(0).all():
            return None
        (_, start), (_, end) = ends
        return torch.where(at[1].to(device)[:, None], end.flatten(1), start.flatten(1)).view_as(end)

    def propose(x: np.ndarray, v: np.ndarray, force: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batch, chemistry = template(x.shape)
        for name, values in (("positions", x), ("velocities", v)):
            batch[name] = torch.tensor(values.reshape(-1, 3), dtype=torch.float64, device=device)
        known = known_forces(x)
        start = None if known is None else known.flatten(0, 1)
        outputs = model.sample(batch, unused, chemistry=chemistry, start=start)
        dx, dv = (outputs[name].cpu().numpy().reshape(x.shape) for name in ("displacement", "velocity_change"))
        forces = (outputs[name].view(x.shape) for name in ("start_force", "end_force"))
        ends[:] = zip((x.copy(), x + dx), forces, strict=True)
        return dx, dv

    return propose
