"""Gaussian diffusion that keeps the variance: x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) ε at the steps t = 0 … T, ᾱ₀ = 1."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def cosine(steps: int, offset: float = 0.008) -> Float[Tensor, " {steps}+1"]:
    """ᾱ_t = cos²(½π (t/T + s)/(1 + s)) over its value at 0 (Nichol & Dhariwal, ICML 2021, eq. 17)."""
    t = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    level = torch.cos(0.5 * math.pi * (t + offset) / (1 + offset)).square()
    return (level / level[0]).clamp(min=1e-9)


def linear(steps: int, first: float = 0.01, last: float = 0.07, of: int = 200) -> Float[Tensor, " {steps}+1"]:
    """ᾱ_t = Π (1 − β), β from `first` to `last`, which are those of `of` steps (Watson et al., Nature 620, 1089)."""
    t = torch.linspace(0, 1, steps, dtype=torch.float64)
    beta = (of / steps * (first + (last - first) * t)).clamp(max=0.999)
    return torch.cat([beta.new_ones(1), (1 - beta).cumprod(0)])


def grid(total: int, steps: int | None = None) -> list[int]:
    """The steps that a sampler visits, from `total` down to 0, as even as they can be."""
    chosen = torch.linspace(total, 0, min(steps or total, total) + 1, dtype=torch.float64).round().int()
    return chosen.tolist()


def noised(
    clean: Float[Tensor, " n *c"], noise: Float[Tensor, " n *c"], level: Float[Tensor, " n"]
) -> Float[Tensor, " n *c"]:
    """x_t, the level being ᾱ_t."""
    level = level.view(-1, *[1] * (clean.dim() - 1))
    return (level.sqrt() * clean + (1 - level).sqrt() * noise).to(clean)


def step(
    x: Float[Tensor, " n *c"],
    clean: Float[Tensor, " n *c"],
    level: float,
    later: float,
    noise: Float[Tensor, " n *c"] | None = None,
) -> Float[Tensor, " n *c"]:
    """x at ᾱ = `later`, from x at ᾱ = `level` < `later`, where `clean` is what was noised.

    With `noise` a draw from q(x_s | x_t, x₀) (Ho, Jain & Abbeel, NeurIPS 2020, eq. 7), else DDIM's step (Song, Meng &
    Ermon, ICLR 2021, eq. 12 with η = 0).
    """
    if noise is None:
        found = (x - math.sqrt(level) * clean) / math.sqrt(1 - level)
        return math.sqrt(later) * clean + math.sqrt(1 - later) * found
    kept = level / later
    mean = (math.sqrt(later) * (1 - kept) * clean + math.sqrt(kept) * (1 - later) * x) / (1 - level)
    return mean + math.sqrt((1 - kept) * (1 - later) / (1 - level)) * noise


def features(value: Float[Tensor, " n"], width: int, longest: float = 1e4) -> Float[Tensor, "n {width}"]:
    """Sines and cosines of `value` over wavelengths from 2π to `longest` · 2π; the width is even."""
    rates = torch.exp(-math.log(longest) * torch.linspace(0, 1, width // 2, device=value.device))
    phase = value[:, None] * rates
    return torch.cat([phase.sin(), phase.cos()], dim=-1)
