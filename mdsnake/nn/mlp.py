"""Multi-layer perceptrons."""

from itertools import pairwise

from torch import nn


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers of the given widths with SiLU between them."""
    layers: list[nn.Module] = []
    for i, (n_in, n_out) in enumerate(pairwise(widths)):
        layers += [nn.Linear(n_in, n_out)] + ([nn.SiLU()] if i < len(widths) - 2 else [])
    return nn.Sequential(*layers)
