"""How a chain lies in space, noised or not; what turns with it, and is no reflection."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch_geometric.data import Batch

from mdsnake.nn.rigid import axes_of
from mdsnake.nn.segments import segment_mean, segment_sum


def pose(x: Float[Tensor, "n 3 3"], batch: Batch) -> Float[Tensor, "samples 3 3"]:
    """Proper rotations by Gram–Schmidt from the first two cosine moments of each sample along its atoms.

    These are the slowest modes of a chain, of which noise changes little, and they are linear in x: the pose of x_t
    stays near that of x₀.  A common shift does not change them, as each cosine adds up to 0.
    """
    length = batch.ptr.diff()[batch.batch, None]
    place = math.pi * (batch.index[:, None] + (torch.arange(3, dtype=x.dtype, device=x.device) + 0.5) / 3) / length
    first, second = (
        segment_sum(((k * place).cos()[..., None] * x).sum(1), batch.batch, len(batch.ptr) - 1) for k in (1, 2)
    )
    return axes_of(first, second)


def superposed(
    x: Float[Tensor, "n 3 3"],
    onto: Float[Tensor, "n 3 3"],
    weight: Float[Tensor, " n"],
    batch: Batch,
    beside: Float[Tensor, "n 3 3"] | float = 0.0,
) -> Float[Tensor, "n 3 3"]:
    """N, CA and C of each sample moved onto others: the mean of CA onto theirs, and turned to be as near to them as can
    be (Kabsch, Acta Cryst. A 32, 922 (1976)), residues counting by weight.  `beside` is what else of each residue tells
    of the rotation, added to its weighted covariance.  No gradient goes through the rotation."""
    share = weight / segment_sum(weight, batch.batch, batch.num_graphs)[batch.batch]
    middle, there = (segment_sum(share[:, None] * y[:, 1], batch.batch, batch.num_graphs) for y in (x, onto))
    x, target = x - middle[batch.batch, None], onto - there[batch.batch, None]
    with torch.no_grad():
        each = weight[:, None, None] * x.transpose(-1, -2) @ target + beside
        covariance = segment_sum(each, batch.batch, batch.num_graphs)
        u, _, vh = torch.linalg.svd(covariance.double())
        u = torch.cat([u[..., :2], u[..., 2:] * torch.linalg.det(u @ vh)[:, None, None]], dim=-1)
        turn = (u @ vh).to(x)
    return x @ turn[batch.batch] + there[batch.batch, None]


@torch.no_grad()
def doubt(
    x: Float[Tensor, "n a 3"], seen: Float[Tensor, "n a 3"], variance: Float[Tensor, " n"], batch: Batch
) -> Float[Tensor, " samples"]:
    """How many times as far as its noise tells, squared, each sample that is `seen` lies from `x`; at least 1."""
    off = (x - seen).square().mean((1, 2)) / variance
    return segment_mean(off, batch.batch, batch.num_graphs).clamp(min=1)
