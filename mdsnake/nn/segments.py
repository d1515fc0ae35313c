"""Sums over the nodes of a sample, without padding."""

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor


def segment_sum(
    values: Shaped[Tensor, " rows *columns"], index: Int[Tensor, " rows"], size: int
) -> Shaped[Tensor, " {size} *columns"]:
    """Rows of `values` added up by `index` into `size` rows."""
    return torch.zeros((size, *values.shape[1:]), dtype=values.dtype, device=values.device).index_add(0, index, values)


def segment_mean(
    values: Float[Tensor, " rows *columns"], index: Int[Tensor, " rows"], size: int
) -> Float[Tensor, " {size} *columns"]:
    """Rows of `values` averaged by `index` into `size` rows; 0 where there are none."""
    counts = torch.bincount(index, minlength=size).clamp(min=1).to(values.dtype)
    return segment_sum(values, index, size) / counts.view(-1, *[1] * (values.dim() - 1))


def remove_net_momentum(
    velocities: Float[Tensor, "atoms 3"], masses: Float[Tensor, " atoms"], index: Int[Tensor, " atoms"], size: int
) -> Float[Tensor, "atoms 3"]:
    """`velocities` less the centre-of-mass velocity of their sample; `index` tells which of `size` that is."""
    momentum = segment_sum(masses[:, None] * velocities, index, size)
    total = segment_sum(masses, index, size)
    return velocities - (momentum / total[:, None])[index]
