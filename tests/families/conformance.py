"""What every family must satisfy, asked of each through a `Case`: a new family adds a row to CASES."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Generator, Tensor
from torch_geometric.data import Batch

from mdsnake.families.base import Family
from tests.families.backbone.case import case as backbone
from tests.families.kstep.case import case as kstep
from tests.families.kstep.toys import JUMP, RIGID
from tests.families.trajbert.case import case as trajbert
from tests.families.trajbert.toys import MEMBERS


@dataclasses.dataclass(frozen=True)
class Case:
    """A family on a tiny scale.

    Parameters
    ----------
    model : a fresh model
    batch : at least three samples of different sizes
    moved : the batch with every sample turned by a rotation or reflection (3, 3), then shifted by (3,); None where
        the family has no symmetry
    turned : a named output of `sample` turned likewise, both (A, …)
    permuted : the batch with the nodes of every sample, or the samples where nodes follow each other in time, in
        another order: row a is what row order[a] was, (A,)
    inputs : names of the batch's real-valued fields with a row for each node that outputs depend on
    fit : learning rate, steps, and the factor by which they must lower the loss of one batch
    save, load : the family's own way to a model file and back
    refused : by what the message must say, a way to ask for a model that a file does not hold
    tolerance : of outputs under a change of frame, relative, in single precision
    """

    model: Callable[[], Family]
    batch: Callable[[], Batch]
    moved: Callable[[Batch, Tensor, Tensor], Batch] | None
    turned: Callable[[str, Tensor, Tensor], Tensor] | None
    permuted: Callable[[Batch, Generator], tuple[Batch, Tensor]]
    inputs: tuple[str, ...]
    fit: tuple[float, int, float]
    save: Callable[[Path, Family], None]
    load: Callable[[Path], Family]
    refused: Mapping[str, Callable[[Path, Family], object]]
    tolerance: float = 1e-5


CASES = {
    "kstep/egnn": Case(**kstep("egnn", JUMP)),
    "kstep/transformer-egnn": Case(**kstep("transformer-egnn", JUMP)),
    # A rigid bond turns the rounding of a position into a velocity, divided by a step of a femtosecond.
    "kstep/egnn with rigid bonds": Case(**kstep("egnn", RIGID)),
    **{f"trajbert/{mode}-{head}": Case(**trajbert(mode, head)) for mode, head in MEMBERS},
    **{f"backbone/{kind}": Case(**backbone(kind)) for kind in ("cartesian", "frames")},
}


def outputs(model: Family, batch: Batch, seed: int = 0) -> dict[str, Tensor]:
    """A sample, in double precision."""
    drawn = model.sample(batch, Generator().manual_seed(seed))
    return {name: value.double() for name, value in drawn.items()}


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def overfit(case: Case) -> tuple[Family, list[float]]:
    """A model after some steps of Adam on one batch, and its losses."""
    model, batch = case.model(), case.batch()
    rate, steps, _ = case.fit
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = model.loss(batch, Generator().manual_seed(step))["loss"]
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    return model, losses
