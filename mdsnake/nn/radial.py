"""Functions of a distance."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

NEAREST, DECAY = 0.08, 0.2  # of the cutoff: where the grid begins, and over which length it becomes e times coarser


class RadialBasis(nn.Module):
    """Gaussians on an even grid of exp(−d/d₀) up to `cutoff`, each as wide as the grid's spacing.

    They are narrow where atoms are bonded and wide where they are far (Unke & Meuwly, J. Chem. Theory Comput. 15, 3678
    (2019), eq. 7).  Distances are in the unit of `cutoff`.
    """

    centres: Float[Tensor, " n"]

    def __init__(self, n: int, cutoff: float) -> None:
        super().__init__()
        self.decay = DECAY * cutoff
        first, last = math.exp(-NEAREST / DECAY), math.exp(-1 / DECAY)
        self.register_buffer("centres", torch.linspace(first, last, n), persistent=False)
        self.scale = (n - 1) / (first - last) / math.sqrt(2)

    def forward(self, distance: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape n"]:
        nearness = torch.exp(distance / -self.decay)
        offset = self.scale * (nearness[..., None] - self.centres)
        return torch.exp(-offset * offset)


def cosine_cutoff(distance: Float[Tensor, "*shape"], cutoff: float) -> Float[Tensor, "*shape"]:
    """½(cos(πd/c) + 1) below `cutoff`, 0 beyond: smooth to first order (Behler & Parrinello, PRL 98, 146401)."""
    return 0.5 * (torch.cos(math.pi * distance.clamp(max=cutoff) / cutoff) + 1.0)
