"""What a model tells in one step, against how much noise there is."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch_geometric.data import Batch

from mdsnake.evaluate.geometry import aligned_rmsd
from mdsnake.families.backbone.draws import Draws
from mdsnake.families.backbone.model import BackboneModel, none_fixed

#: Shares of all steps of noise; that of the literal metric of the source is a tenth.
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LITERAL = 0.1
#: Å in a unit of the source: the standard deviation of a centred coordinate of a protein.
SCALE_ANGSTROM = 7.16
#: Draws of noise for each chain.
REPEATS = 4


@dataclasses.dataclass(frozen=True)
class Denoised:
    """At one share of the steps, a number for each chain and draw.

    Attributes
    ----------
    rmsd_angstrom : of N, CA and C, superposed
    error : root mean square by coordinate, not superposed, in units of 7.16 Å
    loss : the objective of the model, as its training has it without self-conditioning
    """

    share: float
    rmsd_angstrom: np.ndarray
    error: np.ndarray
    loss: np.ndarray


@torch.no_grad()
def denoise(
    model: BackboneModel, batches: Sequence[Batch], generator: torch.Generator, shares: Sequence[float] = SHARES
) -> list[Denoised]:
    """One step of `model` on every chain of `batches`, each of which holds one, at every share."""
    return [
        Denoised(share, *np.array([_one(model, batch, share, generator) for batch in [*batches] * REPEATS]).T)
        for share in shares
    ]


def _one(model: BackboneModel, batch: Batch, share: float, generator: torch.Generator) -> tuple[float, float, float]:
    t, fixed = model.step_of(batch, share), none_fixed(batch)
    clean, state = model.blurred(batch, t, fixed, Draws(batch, generator))
    found = model.answer(state, t, batch, fixed)
    weight = torch.ones(len(clean), device=clean.device)
    loss = model.errors(found, clean, t[batch.batch], batch, weight)["loss"]
    true, told = (model.decode(one).double().cpu().numpy() for one in (clean, found))
    rmsd = aligned_rmsd(told.reshape(1, -1, 3), true.reshape(1, -1, 3))[0]
    return float(rmsd), float(np.sqrt(np.mean((told - true) ** 2)) / SCALE_ANGSTROM), float(loss)
