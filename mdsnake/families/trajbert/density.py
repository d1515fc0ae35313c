"""Sums of Gaussians in the plane (mixture density networks: Bishop, NCRG/94/004 (1994))."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Generator, Tensor
from torch.nn.functional import softplus

#: Smallest width of a Gaussian, in the unit of its argument: a model that sees the answer would make it none.
NARROWEST = 1e-2
#: softplus⁻¹(1), so that a network that says nothing yet predicts widths of 1.
UNIT_WIDTH = math.log(math.e - 1)


class Density(NamedTuple):
    """K Gaussians: logarithms of the weights, means, Cholesky factors of the covariances (diagonal and below it)."""

    weights: Float[Tensor, "*any K"]
    means: Float[Tensor, "*any K 2"]
    diagonal: Float[Tensor, "*any K 2"]
    below: Float[Tensor, "*any K"]

    def log_density(self, x: Float[Tensor, "*any 2"]) -> Float[Tensor, "*any"]:
        """log p(x)."""
        away = x[..., None, :] - self.means
        first = away[..., 0] / self.diagonal[..., 0]
        second = (away[..., 1] - self.below * first) / self.diagonal[..., 1]
        log_peak = -self.diagonal.log().sum(-1) - math.log(2 * math.pi)
        return torch.logsumexp(self.weights + log_peak - 0.5 * (first.square() + second.square()), -1)

    def mean(self) -> Float[Tensor, "*any 2"]:
        return (self.weights.exp()[..., None] * self.means).sum(-2)

    def draw(self, generator: Generator) -> Float[Tensor, "*any 2"]:
        """A point from each density; `generator` is one of the CPU, so that devices draw alike."""
        shape = self.below.shape[:-1]
        uniform = torch.rand((*shape, 1), generator=generator).to(self.weights)
        noise = torch.randn((*shape, 2), generator=generator).to(self.weights)
        cumulative = self.weights.exp().cumsum(-1)
        chosen = (uniform >= cumulative[..., :-1]).sum(-1, keepdim=True)
        below = self.below.gather(-1, chosen)[..., 0]
        picked = chosen[..., None].expand(*chosen.shape, 2)
        means, diagonal = (values.gather(-2, picked)[..., 0, :] for values in (self.means, self.diagonal))
        return means + diagonal * noise + torch.stack([torch.zeros_like(below), below * noise[..., 0]], -1)


def outputs(components: int, covariance: str) -> int:
    """How many numbers of a network make a density."""
    return components * (6 if covariance == "full" else 5)


def density(raw: Float[Tensor, "*any numbers"], components: int, covariance: str) -> Density:
    """The density that the `outputs` of a network describe."""
    parts = raw.unflatten(-1, (components, -1))
    weights, means, widths = parts[..., 0], parts[..., 1:3], parts[..., 3:5]
    below = parts[..., 5] if covariance == "full" else torch.zeros_like(weights)
    return Density(weights.log_softmax(-1), means, softplus(widths + UNIT_WIDTH) + NARROWEST, below)
