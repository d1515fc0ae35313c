import numpy as np
import pytest

from mdsnake.evaluate.surface.next_step import COPIES, exact_steps
from mdsnake.families.trajbert.config import System
from mdsnake.physics.surface import SURFACES

SURFACE = SURFACES["mueller-brown"]
X = np.repeat([SURFACE.A, SURFACE.SADDLES[0]], 200, axis=0) + 0.1


def test_a_short_overdamped_step_is_the_force_and_its_noise() -> None:
    system = System(kT=15, timestep=1e-4, record=1e-4)
    mean, variance = exact_steps(X, np.ones_like(X), system, np.random.default_rng(0))
    assert variance == pytest.approx(4 * system.kT * system.record, rel=0.03)
    away = mean - X - system.record * SURFACE.force(X)
    assert np.sqrt((away**2).sum(-1).mean()) == pytest.approx(np.sqrt(variance / COPIES), rel=0.1)


def test_a_short_langevin_step_goes_where_the_velocity_points() -> None:
    system = System(kT=15, dynamics="langevin", friction=1.0, timestep=1e-4, record=1e-3)
    v = np.random.default_rng(0).standard_normal(X.shape)
    mean, variance = exact_steps(X, v, system, np.random.default_rng(1))
    ballistic = system.record * v + 0.5 * system.record**2 * SURFACE.force(X)
    np.testing.assert_allclose(mean - X, ballistic, atol=1e-4)
    diffusive = 2 / 3 * system.kT * system.record**3  # 2 γ kT t³/3
    assert variance == pytest.approx(2 * diffusive, rel=0.1), "of x and of y"
