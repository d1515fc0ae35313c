"""Samples of the exact density, and runs of the exact dynamics, are told to be right; others are not."""

import dataclasses

import numpy as np
import pytest

from mdsnake.evaluate.surface.density import Bins, free_energy_difference
from mdsnake.evaluate.surface.generation import Times, generation, speed, times
from mdsnake.evaluate.surface.next_step import exact_steps
from mdsnake.families.trajbert.config import System
from mdsnake.physics.generator import Exact
from mdsnake.physics.surface import SURFACES
from mdsnake.physics.walkers import propagate
from tests.evaluate.surface.conftest import SYSTEM

SURFACE = SURFACES["mueller-brown"]


@pytest.fixture(scope="module")
def beside(known: Exact) -> Times:
    assert known.t2
    assert known.mfpt_ab
    return Times(known.t2, known.mfpt_ab)


@pytest.fixture(scope="module")
def bins(known: Exact) -> Bins:
    return Bins.of(known)


def test_bins_hold_all_of_the_density(bins: Bins, known: Exact) -> None:
    assert bins.density.sum() == pytest.approx(1)
    assert bins.density[-1] < 1e-6, "what lies outside"
    assert np.diff(bins.x) == pytest.approx(0.1)
    a, b = bins.index(SURFACE.MINIMA[:2])
    assert bins.committor[a] == pytest.approx(0, abs=1e-9)
    assert bins.committor[b] == pytest.approx(1, abs=1e-9)


def test_points_lie_in_their_squares(bins: Bins) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform([bins.x[0], bins.y[0]], [bins.x[-1], bins.y[-1]], (500, 2))
    row, column = np.divmod(bins.index(points), len(bins.y) - 1)
    assert ((bins.x[row] <= points[:, 0]) & (points[:, 0] < bins.x[row + 1])).all()
    assert ((bins.y[column] <= points[:, 1]) & (points[:, 1] < bins.y[column + 1])).all()
    outside = bins.index(np.array([[9.0, 0.0], [0.0, -9.0], [np.nan, 0.0]]))
    assert (outside == len(bins.density) - 1).all()


def test_the_divergence_of_exact_samples_falls_with_their_number(bins: Bins, known: Exact) -> None:
    rng = np.random.default_rng(0)
    few, many = (bins.divergence(bins.counts(known.sample(n, rng))) for n in (1000, 100_000))
    assert many < 0.002 < few
    assert bins.divergence(bins.counts(known.sample(100_000, rng) + 0.2)) > 0.05


def test_free_energy_of_exact_samples(known: Exact) -> None:
    basin = SURFACE.state(known.sample(400_000, np.random.default_rng(0)))
    found = free_energy_difference(basin, SYSTEM.kT)
    assert found == pytest.approx(known.free_energy_difference, abs=0.03 * SYSTEM.kT)
    assert free_energy_difference(np.zeros(5, int), SYSTEM.kT) == np.inf


def test_a_simulation_is_right_in_everything(known: Exact, bins: Bins, beside: Times) -> None:
    rng, frames = np.random.default_rng(0), 1500
    x = known.sample(100, rng)
    walkers = np.empty((100, frames, 2))
    for frame in range(frames):
        x, _ = propagate(SURFACE.force, x, x, SYSTEM.kT, None, SYSTEM.timestep, SYSTEM.steps_per_frame, rng)
        walkers[:, frame] = x
    found = {name: value for name, (value, _) in generation(walkers, SYSTEM, known, bins, beside)[0].items()}
    assert found["t2_ratio"] == pytest.approx(1, abs=0.2)
    assert found["mfpt_ratio"] == pytest.approx(1, abs=0.2)
    assert found["density_js"] < 0.02, "of which the long time step makes two thirds"
    assert found["free_energy_error"] < 0.3
    assert found["committor_error"] < 0.1
    assert found["outside_fraction"] < 0.01
    # Where no times are known, they are those of the walkers, which then have a ratio of one.
    unknown = dataclasses.replace(known, t2=None, t3=None, mfpt_ab=None)
    own = times(walkers, SYSTEM, unknown)
    assert times(walkers, SYSTEM, known) == beside
    assert own == pytest.approx(beside, rel=0.2)
    system = SYSTEM.model_copy(update={"friction": 10.0})
    found = {name: value for name, (value, _) in generation(walkers, system, unknown, bins, own)[0].items()}
    assert (found["t2_ratio"], found["mfpt_ratio"]) == pytest.approx((1, 1), rel=0.1)
    assert "committor_error" not in found, "that of overdamped walkers is another's"


def test_walkers_that_stand_still_never_cross(known: Exact, bins: Bins, beside: Times) -> None:
    still = np.repeat(known.sample(50, np.random.default_rng(0))[:, None], 400, axis=1)
    found, _ = generation(still, SYSTEM, known, bins, beside)
    assert found["t2_ratio"][0] == np.inf
    assert np.isnan(found["mfpt_ratio"][0])


def test_walkers_that_leave_the_numbers_are_counted_as_outside(known: Exact, bins: Bins, beside: Times) -> None:
    walkers = known.sample(4 * 200, np.random.default_rng(0)).reshape(4, 200, 2)
    walkers[0, 100:] = np.nan
    assert generation(walkers, SYSTEM, known, bins, beside)[0]["outside_fraction"][0] == pytest.approx(100 / 800)
    walkers[:] = np.nan
    assert np.isnan(generation(walkers, SYSTEM, known, bins, beside)[0]["t2_ratio"][0])


def test_the_variance_of_a_short_step_is_4_kT_dt() -> None:
    system = System(kT=15, timestep=1e-4, record=1e-4)
    x = np.repeat(SURFACE.MINIMA[:1], 3000, axis=0)
    mean, variance = exact_steps(x, np.zeros_like(x), system, np.random.default_rng(0))
    assert variance == pytest.approx(4 * 15 * 1e-4, rel=0.01)
    np.testing.assert_allclose(mean.mean(0), SURFACE.A, atol=1e-3)


def test_speed_is_by_the_clock() -> None:
    found = speed({"total_ms": 2000.0, "simulator_ms": 500.0}, 8000)
    assert found == {"frames_per_second": (4000, 8000), "speed_ratio": (0.25, 8000)}
