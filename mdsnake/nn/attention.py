"""Attention within samples of different lengths."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention


def varlen_attention(
    q: Float[Tensor, "nodes heads d"],
    k: Float[Tensor, "nodes heads d"],
    v: Float[Tensor, "nodes heads d"],
    ptr: Int[Tensor, " ends"],
    length: int | None = None,
) -> Float[Tensor, "nodes heads d"]:
    """softmax(q kᵀ/√d) v within each sample, none across samples.

    Parameters
    ----------
    q, k, v : the nodes of all samples one after the other
    ptr : where each sample starts, and the end, as `torch_geometric.data.Batch.ptr`
    length : nodes of each sample, where that is known and the same for all: nothing is padded, nor `ptr` looked at
    """
    if length:
        q, k, v = (x.unflatten(0, (-1, length)).transpose(1, 2) for x in (q, k, v))
        return scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(0, 1)
    lengths = ptr.diff()
    longest = int(lengths.max())
    real = torch.arange(longest, device=q.device) < lengths[:, None]

    def spread(x: Tensor) -> Tensor:
        padded = x.new_zeros((len(lengths), longest, *x.shape[1:]))
        return padded.masked_scatter(real[..., None, None], x).transpose(1, 2)

    out = scaled_dot_product_attention(spread(q), spread(k), spread(v), attn_mask=real[:, None, None, :])
    return out.transpose(1, 2)[real]


def rotary(x: Float[Tensor, "nodes heads d"], index: Int[Tensor, " nodes"]) -> Float[Tensor, "nodes heads d"]:
    """Queries or keys turned by their place in the sequence, so that products tell differences of places.

    Su et al., Neurocomputing 568, 127063 (2024), eq. 34; d is even.
    """
    half = x.shape[-1] // 2
    rates = torch.exp(-math.log(1e4) * torch.arange(half, device=x.device) / half)
    phase = (index[:, None] * rates)[:, None]
    a, b = x.split(half, dim=-1)
    return torch.cat([a * phase.cos() - b * phase.sin(), a * phase.sin() + b * phase.cos()], dim=-1)
