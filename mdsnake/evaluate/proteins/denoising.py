"""What a model tells in one step, against how much noise there is."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch_geometric.data import Batch

from mdsnake.evaluate.geometry import aligned_rmsd
from mdsnake.evaluate.metrics import Mean
from mdsnake.families.backbone.model import BackboneModel

#: Shares of all steps of noise, even as training draws them: the middles of twenty equal parts.
EVEN = tuple((i + 0.5) / 20 for i in range(20))
#: That of the literal metric of the source.
LITERAL = 0.1
SHARES = tuple(sorted((0.01, LITERAL, *EVEN)))
#: Parts of the steps by which losses are told.
PARTS = 10
#: Å in a unit of the source: the standard deviation of a centred coordinate of a protein.
SCALE_ANGSTROM = 7.16
#: Draws of noise for each chain.
REPEATS = 2


@dataclasses.dataclass(frozen=True)
class Denoised:
    """At one share of the steps, a number for each chain and draw.

    Attributes
    ----------
    rmsd_angstrom : of N, CA and C, superposed
    error : root mean square by coordinate, not superposed, in units of 7.16 Å
    loss : the objective of the model, as its training has it, without motif and self-conditioning
    noise : mean squared error of the noise, likewise
    """

    share: float
    rmsd_angstrom: np.ndarray
    error: np.ndarray
    loss: np.ndarray
    noise: np.ndarray


def denoise(
    model: BackboneModel, batches: Sequence[Batch], generator: torch.Generator, shares: Sequence[float] = SHARES
) -> list[Denoised]:
    """One step of `model` on every chain of `batches`, each of which holds one, at every share."""
    return [
        Denoised(share, *np.array([_one(model, batch, share, generator) for batch in [*batches] * REPEATS]).T)
        for share in shares
    ]


def _one(model: BackboneModel, batch: Batch, share: float, generator: torch.Generator) -> tuple[float, ...]:
    *both, parts = model.one_step(batch, share, generator)
    true, told = (coords.double().cpu().numpy() for coords in both)
    rmsd = aligned_rmsd(told.reshape(1, -1, 3), true.reshape(1, -1, 3))[0]
    error = np.sqrt(np.mean((told - true) ** 2)) / SCALE_ANGSTROM
    return float(rmsd), float(error), float(parts["loss"]), float(parts["noise"])


def literal(steps: Sequence[Denoised]) -> dict[str, Mean]:
    """The source's number, and the RMSD beside it."""
    one = next(step for step in steps if step.share == LITERAL)
    return {"one_step_error": _mean(one.error), "one_step_rmsd": _mean(one.rmsd_angstrom)}


def noise_loss(steps: Sequence[Denoised]) -> dict[str, Mean]:
    """The source's loss in the mean over all steps, and its spread over chains and draws."""
    each = np.mean([step.noise for step in steps if step.share in EVEN], axis=0)
    return {"noise_mean": _mean(each), "noise_mean_spread": (float(each.std()), len(each))}


def loss_by_t(steps: Sequence[Denoised]) -> dict[str, dict[str, Mean]]:
    """Loss and its spread over chains and draws in each part of the steps, as `t 0.1–0.2`."""
    found = {}
    for low, high in ((i / PARTS, (i + 1) / PARTS) for i in range(PARTS)):
        each = np.concatenate([step.loss for step in steps if step.share in EVEN and low < step.share < high])
        found[f"t {low:.1f}–{high:.1f}"] = {
            "loss_by_t": _mean(each),
            "loss_by_t_spread": (float(each.std()), len(each)),
        }
    return found


def _mean(values: np.ndarray) -> Mean:
    return float(values.mean()), len(values)
