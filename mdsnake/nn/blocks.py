"""Linear maps of which each block of rows has its own."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def block_linear(
    values: Float[Tensor, "rows a"],
    weights: Float[Tensor, "blocks a b"],
    parts: Sequence[tuple[int, int]],
    bias: Float[Tensor, "blocks b"] | None = None,
) -> Float[Tensor, "rows b"]:
    """Rows of block after block times the block's own weights.

    Parameters
    ----------
    parts : (number of blocks, rows in each), part after part
    """
    results, row, block = [], 0, 0
    for blocks, rows in parts:
        x = values[row : row + blocks * rows].view(blocks, rows, -1)
        w = weights[block : block + blocks]
        y = x @ w if bias is None else torch.baddbmm(bias[block : block + blocks, None], x, w)
        results.append(y.flatten(0, 1))
        row, block = row + blocks * rows, block + blocks
    return results[0] if len(results) == 1 else torch.cat(results)
