"""Sums over the nodes of a sample, without padding."""

import torch
from torch import Tensor


def segment_sum(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Rows of `values` (M, ...) added up by `index` (M,) into (size, ...)."""
    return torch.zeros((size, *values.shape[1:]), dtype=values.dtype, device=values.device).index_add(0, index, values)


def segment_mean(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Rows of `values` (M, ...) averaged by `index` (M,) into (size, ...); 0 where there are none."""
    counts = torch.bincount(index, minlength=size).clamp(min=1).to(values.dtype)
    return segment_sum(values, index, size) / counts.view(-1, *[1] * (values.dim() - 1))


def remove_net_momentum(velocities: Tensor, masses: Tensor, index: Tensor, size: int) -> Tensor:
    """`velocities` (A, 3) less the centre-of-mass velocity of their sample; masses (A,)."""
    momentum = segment_sum(masses[:, None] * velocities, index, size)
    total = segment_sum(masses, index, size)
    return velocities - (momentum / total[:, None])[index]
