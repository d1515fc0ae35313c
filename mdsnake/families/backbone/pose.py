"""How a chain lies in space, noised or not; what turns with it, and is no reflection."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch_geometric.data import Batch

from mdsnake.nn.rigid import axes_of
from mdsnake.nn.segments import segment_sum


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


@torch.no_grad()
def superposing(x: Float[Tensor, "n a 3"], onto: Float[Tensor, "n a 3"], batch: Batch) -> Float[Tensor, "samples 3 3"]:
    """Rotations to the right of `x` that bring each sample as near to `onto` as can be (Kabsch, Acta Cryst. A 32, 922
    (1976)); no gradient goes through them."""
    u, _, vh = torch.linalg.svd(segment_sum(x.transpose(-1, -2) @ onto, batch.batch, batch.num_graphs).double())
    u = torch.cat([u[..., :2], u[..., 2:] * torch.linalg.det(u @ vh)[:, None, None]], dim=-1)
    return (u @ vh).to(x)
