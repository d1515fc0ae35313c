import numpy as np
import pytest

from mdsnake.evaluate.kinetics import count_flips, flip_rate, torsion_time


def degrees(*values: float) -> np.ndarray:
    return np.radians(np.array(values))


def test_a_recrossing_is_no_flip():
    assert count_flips(degrees(60, 85, 115, 95, 125, 70)) == 0, "it never reached the core of 180°"


def test_a_flip_counts_once_however_it_gets_there():
    assert count_flips(degrees(60, 80, 110, 130, 118, 140, 155, 178)) == 1
    assert count_flips(degrees(60, 115, 170, -175, 160, 130, 70)) == 2
    assert count_flips(degrees(-60, 0, 60, 0, -60, -120, -175)) == 3
    assert count_flips(degrees(120, 0, -120)) == 0, "no core was ever visited"


def test_rate_is_per_ps_and_torsion_and_within_segments(trajectory):
    run = trajectory(0, segments=2, frames=6, frame_ps=0.1)
    jump_between_segments = degrees(60, 60, 60, 60, 60, 60, 180, 180, 180, 180, 180, 180)
    flipping = degrees(60, 180, 60, 180, 60, 180, 60, 60, 60, 60, 60, 60)
    rate, flips = flip_rate(run, np.stack([jump_between_segments, flipping], axis=1))
    assert flips == 5
    assert rate == pytest.approx(5 / (1.0 * 2))
    assert np.isnan(flip_rate(run, np.zeros((12, 0)))[0])
    run.jumps = np.array([1, 1, 1, 3, 1, 0] * 2)  # 4/3 of a lag in the mean
    assert flip_rate(run, flipping[:, None])[0] == pytest.approx(5 / (1.0 * 4 / 3))


def test_torsion_time_of_a_random_telegraph(trajectory):
    """Hops between opposite angles with probability p per frame: ρ(t) = (1 − 2p)^t."""
    rng, p, frames = np.random.default_rng(0), 0.05, 60000
    phi = np.pi * (np.cumsum(rng.random(frames) < p) % 2)
    run = trajectory(0, frames=frames, frame_ps=0.01)
    expected = 0.01 * (0.5 + (1 - 2 * p) / (2 * p))
    time, torsions = torsion_time(run, np.stack([phi, np.zeros(frames)], axis=1))
    assert time == pytest.approx(expected, rel=0.1)
    assert torsions == 1, "the torsion that never moves is left out"
    run.jumps = np.full(frames, 2)
    assert torsion_time(run, phi[:, None])[0] == pytest.approx(2 * time)
