"""Samples of different lengths side by side, filled up."""

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor


def real(ptr: Int[Tensor, " ends"]) -> Bool[Tensor, "samples longest"]:
    """Where a sample has a node; `ptr` as in `torch_geometric.data.Batch`."""
    lengths = ptr.diff()
    return torch.arange(int(lengths.max()), device=ptr.device) < lengths[:, None]


def dense(
    values: Shaped[Tensor, " nodes *c"], there: Bool[Tensor, "samples longest"]
) -> Shaped[Tensor, "samples longest *c"]:
    """Nodes of sample after sample as a row each, zeros where there is none.  `values[there]` is the way back."""
    padded = values.new_zeros((*there.shape, *values.shape[1:]))
    return padded.masked_scatter(there.view(*there.shape, *[1] * (values.dim() - 1)), values)
