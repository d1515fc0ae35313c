"""Walkers against what is known in closed form; every tolerance is several standard errors."""

import numpy as np
import pytest

from mdsnake.physics.surface import MuellerBrown2D
from mdsnake.physics.walkers import baoab, overdamped, propagate

KT, STIFFNESS, MASS = 2.5, 3.0, 2.0
OMEGA = np.sqrt(STIFFNESS / MASS)
SURFACE = MuellerBrown2D()


def spring(x: np.ndarray) -> np.ndarray:
    return -STIFFNESS * x


def free(x: np.ndarray) -> np.ndarray:
    return np.zeros_like(x)


@pytest.mark.parametrize("reduced", [0.01, 0.4], ids=["small", "large"])
def test_overdamped_walkers_in_a_harmonic_well_spread_by_kT(reduced: float) -> None:
    """The variance is kT/k, but for the known factor of the timestep."""
    rng, timestep = np.random.default_rng(0), reduced / STIFFNESS
    x = np.sqrt(KT / STIFFNESS) * rng.standard_normal((20_000, 2))
    squares = []
    for _ in range(5):
        x = overdamped(spring, x, KT, timestep, round(2 / reduced), rng)
        squares.append((x**2).mean())
    expected = KT / STIFFNESS / (1 - reduced / 2)
    assert np.mean(squares[1:]) == pytest.approx(expected, rel=0.02)
    assert reduced < 0.1 or abs(expected - KT / STIFFNESS) > 0.1 * expected  # so that the factor is seen


@pytest.mark.parametrize("reduced", [0.1, 1.0], ids=["small", "large"])
def test_baoab_walkers_in_a_harmonic_well_spread_by_kT_at_any_timestep(reduced: float) -> None:
    rng, timestep = np.random.default_rng(0), reduced / OMEGA
    x = np.sqrt(KT / STIFFNESS) * rng.standard_normal((20_000, 2))
    v = np.sqrt(KT / MASS) * rng.standard_normal(x.shape)
    squares = []
    for _ in range(5):
        x, v = baoab(spring, x, v, KT, MASS, 2 * OMEGA, timestep, round(4 / reduced), rng)
        squares.append([(x**2).mean(), (v**2).mean()])
    positions, velocities = np.mean(squares[1:], axis=0)
    assert positions == pytest.approx(KT / STIFFNESS, rel=0.02)
    assert velocities == pytest.approx(KT / MASS * (1 - reduced**2 / 4), rel=0.02)


def test_free_walkers_diffuse() -> None:
    rng = np.random.default_rng(0)
    x = overdamped(free, np.zeros((20_000, 2)), KT, 0.01, 50, rng)
    assert (x**2).mean() == pytest.approx(2 * KT * 0.5, rel=0.03)
    friction, time = 1.5, 0.8
    start = np.sqrt(KT / MASS) * rng.standard_normal(x.shape)
    _, v = baoab(free, x, start, KT, MASS, friction, 0.1, 8, rng)
    assert (v * start).mean() == pytest.approx(KT / MASS * np.exp(-friction * time), rel=0.06)
    assert (v**2).mean() == pytest.approx(KT / MASS, rel=0.03)


@pytest.mark.parametrize(("friction", "order"), [(None, 1), (0.0, 2)], ids=["overdamped", "baoab"])
def test_without_noise_the_error_is_of_the_order_told(friction: float | None, order: int) -> None:
    start, rng = np.array([[-0.3, 0.6], [-0.9, 1.2]]), np.random.default_rng(0)
    time = 0.004 if friction is None else 0.1

    def end(steps: int) -> np.ndarray:
        return propagate(SURFACE.force, start, 0 * start, 0.0, friction, time / steps, steps, rng)[0]

    best = end(4000)
    errors = [np.abs(end(steps) - best).max() for steps in (40, 80, 160)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("friction", [None, 5.0], ids=["overdamped", "baoab"])
def test_two_calls_are_one_long_call(friction: float | None) -> None:
    x, v = np.tile(SURFACE.A, (3, 1)), np.ones((3, 2))

    def run(*calls: int) -> tuple[np.ndarray, np.ndarray]:
        state, rng = (x, v), np.random.default_rng(0)
        for steps in calls:
            state = propagate(SURFACE.force, *state, 15.0, friction, 1e-4, steps, rng)
        return state

    for whole, parts in zip(run(30), run(10, 20), strict=True):
        np.testing.assert_array_equal(whole, parts)
    assert len(np.unique(run(30)[0])) == 6
    assert (run(30)[1] == v).all() == (friction is None)
