"""Functions of a distance."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GaussianBasis(nn.Module):
    """Gaussians on an even grid from 0 to `cutoff`, each as wide as the grid's spacing.

    Distances are in the unit of `cutoff`.
    """

    centres: Float[Tensor, " n"]

    def __init__(self, n: int, cutoff: float) -> None:
        super().__init__()
        self.register_buffer("centres", torch.linspace(0.0, cutoff, n), persistent=False)
        self.width = cutoff / (n - 1)

    def forward(self, distance: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape n"]:
        return torch.exp(-0.5 * ((distance[..., None] - self.centres) / self.width) ** 2)


def cosine_cutoff(distance: Float[Tensor, "*shape"], cutoff: float) -> Float[Tensor, "*shape"]:
    """½(cos(πd/c) + 1) below `cutoff`, 0 beyond: smooth to first order (Behler & Parrinello, PRL 98, 146401)."""
    return 0.5 * (torch.cos(math.pi * distance.clamp(max=cutoff) / cutoff) + 1.0)
