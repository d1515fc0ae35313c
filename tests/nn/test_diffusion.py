"""Schedules at their ends, and a reverse process whose target is known."""

import pytest
import torch
from torch import Tensor

from mdsnake.nn.diffusion import cosine, features, grid, linear, noised, step


def test_schedules_begin_at_one_and_fall() -> None:
    for level in (cosine(1000), linear(200)):
        assert float(level[0]) == 1
        assert (level.diff() < 0).all()
        assert float(level[-1]) < 1e-3
    assert float(cosine(1000)[100]) == pytest.approx(0.9719, abs=1e-3)
    assert float(1 - linear(200)[1]) == pytest.approx(0.01)
    assert float(linear(200)[-1] / linear(200)[-2]) == pytest.approx(0.93)


def test_half_the_steps_of_a_linear_schedule_end_as_noisy() -> None:
    assert float(linear(100)[-1].log() / linear(200)[-1].log()) == pytest.approx(1, abs=0.05)


def test_a_grid_visits_both_ends() -> None:
    assert grid(4) == [4, 3, 2, 1, 0]
    assert grid(10, 3) == [10, 7, 3, 0]
    assert grid(4, 100) == [4, 3, 2, 1, 0]


MEAN, SPREAD = 0.7, 0.4


def exact(x: Tensor, level: float) -> Tensor:
    """E[x₀ | x_t] of a normal distribution."""
    gain = level**0.5 * SPREAD**2 / (level * SPREAD**2 + 1 - level)
    return MEAN + gain * (x - level**0.5 * MEAN)


@pytest.mark.parametrize("level", [cosine(1000), linear(200)], ids=["cosine", "linear"])
@pytest.mark.parametrize("flow", [False, True])
def test_the_reverse_process_ends_in_the_target(level: Tensor, flow: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(10_000, generator=generator, dtype=torch.float64)
    for t, later in zip(grid(len(level) - 1), grid(len(level) - 1)[1:], strict=False):
        noise = None if flow else torch.randn(len(x), generator=generator, dtype=torch.float64)
        x = step(x, exact(x, float(level[t])), float(level[t]), float(level[later]), noise)
    # The posterior's variance is exact for a point; with steps as long as those of 200, a little of a spread is lost.
    assert float(x.mean()) == pytest.approx(MEAN, abs=0.02)
    assert float(x.std()) == pytest.approx(SPREAD, abs=0.01 if len(level) > 500 else 0.04)


def test_a_step_is_of_the_bridge() -> None:
    """With the true answer, a step from noise to less noise gives what noising to that level at once gives."""
    generator = torch.Generator().manual_seed(1)
    clean = torch.full((100_000,), MEAN, dtype=torch.float64)
    x, z = (torch.randn(len(clean), generator=generator, dtype=torch.float64) for _ in range(2))
    found = step(noised(clean, x, clean.new_full((len(clean),), 0.3)), clean, 0.3, 0.8, z)
    assert float(found.mean()) == pytest.approx(0.8**0.5 * MEAN, abs=0.01)
    assert float(found.var()) == pytest.approx(0.2, abs=0.01)


def test_features_tell_values_apart() -> None:
    told = features(torch.arange(200.0), 32)
    distance = torch.cdist(told, told) + 10 * torch.eye(200)
    assert float(distance.min()) > 0.1
