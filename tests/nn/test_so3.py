"""The heat kernel of SO(3) against its series, quadrature and its group law; a reverse process with an exact end."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from mdsnake.nn import so3
from mdsnake.nn.rotations import random_rotations

SIGMAS = (0.02, 0.1, 0.5, 1.0, 2.02, so3.WIDEST)
GRID = torch.linspace(1e-4, math.pi, 20_001, dtype=torch.float64)
HAAR = (1 - torch.cos(GRID)) / math.pi


def density(sigma: float, angle: Tensor = GRID) -> Tensor:
    return so3.log_density(angle, torch.full_like(angle, sigma)).exp()


def series(sigma: float, angle: Tensor, terms: int = 2000) -> Tensor:
    """Equation (1)."""
    order = torch.arange(terms, dtype=torch.float64)[:, None]
    weight = (2 * order + 1) * torch.exp(-order * (order + 1) * sigma**2 / 2)
    return (weight * torch.sin((order + 0.5) * angle) / torch.sin(angle / 2)).sum(0)


def character(sigma: float, order: int) -> float:
    """∫ f χ / (2 order + 1), by quadrature; exp(−order(order + 1)σ²/2) for the heat kernel."""
    chi = torch.sin((order + 0.5) * GRID) / torch.sin(GRID / 2) / (2 * order + 1)
    return float(torch.trapezoid(density(sigma) * chi * HAAR, GRID))


def draw(sigma: float, n: int, seed: int) -> Tensor:
    noise = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return so3.of_normal(noise, torch.full((n,), sigma, dtype=torch.float64))


def angles(rotations: Tensor) -> np.ndarray:
    return so3.log(rotations).norm(dim=-1).numpy()


def below(sigma: float):  # type: ignore[no-untyped-def]
    """The cumulative distribution of the angle, by quadrature."""
    cdf = torch.cumulative_trapezoid(density(sigma) * HAAR, GRID).numpy()
    return lambda angle: np.interp(angle, GRID[1:].numpy(), cdf)


def test_exp_and_log_are_inverse() -> None:
    r = random_rotations(200, torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(so3.exp(so3.log(r)), r, rtol=0, atol=1e-6)
    axis = torch.nn.functional.normalize(torch.randn(5, 3, dtype=torch.float64), dim=-1)
    for angle in (0.0, 1e-9, 1e-4, 1.0, math.pi - 1e-7):
        torch.testing.assert_close(so3.log(so3.exp(angle * axis)), angle * axis, rtol=0, atol=1e-12 + 1e-7 * angle)
    torch.testing.assert_close(so3.exp(axis), torch.linalg.matrix_exp(so3.hat(axis)))


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_density_is_its_series_and_adds_up_to_one(sigma: float) -> None:
    angle = torch.linspace(1e-3, min(math.pi - 1e-3, 4 * sigma), 50, dtype=torch.float64)
    torch.testing.assert_close(density(sigma, angle), series(sigma, angle), rtol=1e-7, atol=1e-9)
    assert float(torch.trapezoid(density(sigma) * HAAR, GRID)) == pytest.approx(1, abs=2e-6)


@pytest.mark.parametrize("sigma", SIGMAS)
def test_the_score_is_the_slope_of_the_log_density(sigma: float) -> None:
    angle = torch.linspace(0.01, math.pi - 0.01, 100, dtype=torch.float64)
    width = torch.full_like(angle, sigma)
    slope = (so3.log_density(angle + 1e-6, width) - so3.log_density(angle - 1e-6, width)) / 2e-6
    torch.testing.assert_close(so3.score(angle, width), slope, rtol=1e-5, atol=1e-5)


def test_the_tail_of_a_narrow_kernel_is_not_lost() -> None:
    angle, width = torch.tensor([1.0], dtype=torch.float64), torch.tensor([0.02], dtype=torch.float64)
    assert float(so3.score(angle, width)) == pytest.approx(-1 / 0.02**2, rel=1e-3)


@pytest.mark.parametrize(("first", "second"), [(0.1, 0.3), (0.5, 0.5), (0.3, 1.5)])
def test_two_kernels_make_the_wider_one(first: float, second: float) -> None:
    both = math.hypot(first, second)
    for order in (1, 2, 3):
        assert character(first, order) * character(second, order) == pytest.approx(character(both, order), abs=1e-6)
        assert character(both, order) == pytest.approx(math.exp(-order * (order + 1) * both**2 / 2), abs=1e-6)
    product = so3.exp(draw(first, 10_000, 0)) @ so3.exp(draw(second, 10_000, 1))
    assert kstest(angles(product), below(both)).pvalue > 0.01
    assert kstest(angles(product), below(1.1 * both)).pvalue < 0.01


@pytest.mark.parametrize("sigma", SIGMAS)
def test_drawn_angles_follow_the_density(sigma: float) -> None:
    vectors = draw(sigma, 10_000, 2)
    assert kstest(vectors.norm(dim=-1).numpy(), below(sigma)).pvalue > 0.01
    cosine = vectors[:, 2] / vectors.norm(dim=-1)
    assert kstest(cosine.numpy(), "uniform", args=(-1, 2)).pvalue > 0.01


def test_the_widest_is_uniform() -> None:
    cosines = random_rotations(10_000, torch.Generator().manual_seed(3)).double()
    assert kstest(angles(cosines), below(so3.WIDEST)).pvalue > 0.01


@pytest.mark.parametrize("steps", [10, 200])
@pytest.mark.parametrize("flow", [False, True])
def test_the_bridge_of_known_rotations_has_the_kernel_at_each_noise(steps: int, flow: bool) -> None:
    """Where the answer is always the same rotation, what is left of the noise must be IGSO(3) of the lesser σ."""
    n = 1_000
    clean = random_rotations(1, torch.Generator().manual_seed(4)).double().expand(n, 3, 3)
    t = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    sigma = (0.02 + 1.5 * t + 0.5 * t.square()).tolist()
    state = clean @ so3.exp(draw(sigma[0], n, 5))
    noise = torch.Generator().manual_seed(6)
    looked_at = {steps // 2, 4 * steps // 5, steps}
    for step, (now, later) in enumerate(pairwise(sigma), start=1):
        z = None if flow else torch.randn(n, 3, generator=noise, dtype=torch.float64)
        state = so3.bridge(state, clean, now, later, z)
        if step in looked_at:
            spread = np.sqrt((angles(clean.transpose(-1, -2) @ state) ** 2).mean())
            expected = float(torch.trapezoid(GRID.square() * density(later) * HAAR, GRID)) ** 0.5
            assert spread == pytest.approx(expected, rel=0.2 if steps < 100 else 0.05), later
    torch.testing.assert_close(so3.bridge(state, clean, sigma[-1], 0.0), clean, rtol=0, atol=1e-6)
