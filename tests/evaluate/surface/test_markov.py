"""Kinetic models of walks whose times are known."""

import numpy as np
import pytest

from mdsnake.evaluate.surface import markov
from mdsnake.evaluate.surface.density import Bins
from mdsnake.families.trajbert.config import System
from mdsnake.physics.generator import Exact
from mdsnake.physics.surface import SURFACES
from mdsnake.physics.walkers import overdamped
from tests.evaluate.surface.conftest import SYSTEM

SURFACE = SURFACES["mueller-brown"]


def test_a_markov_state_model_of_a_hot_surface(known: Exact) -> None:
    """From walkers at equilibrium, of which the discs of both basins are seen well."""
    system, rng = SYSTEM.model_copy(update={"record": 1e-3}), np.random.default_rng(0)
    x, frames = known.sample(600, rng), []
    for _ in range(600):
        frames.append(x)
        x = overdamped(SURFACE.force, x, system.kT, system.timestep, system.steps_per_frame, rng)
    bins, walkers = Bins.of(known), np.stack(frames, axis=1)
    model = markov.markov_model(walkers, bins, system)
    assert model.t2 == pytest.approx(known.t2, rel=0.3)
    assert model.free_energy_difference == pytest.approx(known.free_energy_difference, abs=0.3 * system.kT)
    assert bins.divergence(model.density) < 0.03
    way = (bins.committor > 0.1) & (bins.committor < 0.9) & (bins.counts(walkers)[:-1] > 100)
    assert np.corrcoef(model.committor[:-3][way], bins.committor[way])[0, 1] > 0.9, "the lag misses short visits"


def test_a_markov_state_model_of_a_jump_process(known: Exact) -> None:
    """Between A, B and one point on the way, all of whose times at the lag of two frames are known."""
    system, jumps = (
        SYSTEM.model_copy(update={"record": 1e-2}),
        np.array([[0.9, 0, 0.1], [0, 0.8, 0.2], [0.3, 0.1, 0.6]]),
    )
    rng, now, frames = np.random.default_rng(0), np.arange(300) % 3, []
    for _ in range(500):
        frames.append(now)
        now = (rng.random(300)[:, None] > jumps[now].cumsum(1)).sum(1)
    points = np.array([SURFACE.A, SURFACE.B, SURFACE.SADDLES[0]])
    model = markov.markov_model(points[np.stack(frames, axis=1)], Bins.of(known), system)
    lagged = jumps @ jumps
    t2 = -2 / np.log(np.sort(np.linalg.eigvals(lagged).real)[-2])
    to_b = 2 * np.linalg.solve(np.eye(2) - lagged[np.ix_([0, 2], [0, 2])], np.ones(2))
    assert model.states == 3
    assert model.t2 == pytest.approx(t2 * system.record, rel=0.05)
    assert model.mfpt_ab == pytest.approx(to_b[0] * system.record, rel=0.05)
    assert model.free_energy_difference == pytest.approx(system.kT * np.log(3 * 2), abs=0.05 * system.kT)
    assert model.committor[-2:].tolist() == [0, 1]


def test_the_slowest_time_of_an_autoregression() -> None:
    """x forgets in 40 frames and y in 5; the two are turned into each other."""
    system, rng = System(kT=15, timestep=1e-4, record=2e-3), np.random.default_rng(0)
    kept = np.exp(-1 / np.array([40, 5]))
    now, frames = rng.standard_normal((100, 2)), []
    for _ in range(1000):
        frames.append(now)
        now = kept * now + np.sqrt(1 - kept**2) * rng.standard_normal(now.shape)
    x = np.stack(frames, axis=1) @ np.array([[0.8, 0.6], [-0.6, 0.8]])
    t2, b = markov.tica(x, SURFACE.MINIMA[:2], system)
    assert t2 == pytest.approx(40 * system.record, rel=0.1)
    np.testing.assert_allclose(b, [0, 1], atol=1e-9)


def test_no_lag_is_longer_than_half_a_walker() -> None:
    assert markov.lag_frames(SYSTEM, 100) == 10
    assert markov.lag_frames(SYSTEM, 12) == 6
    assert markov.lag_frames(SYSTEM.model_copy(update={"record": 0.1}), 100) == 1
