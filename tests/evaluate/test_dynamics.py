import dataclasses

import numpy as np
import pytest

from mdsnake.evaluate.dynamics import lag_rmsd, lagged, torsion_step


def test_pairs_stay_within_segments(trajectory):
    run = trajectory(0, segments=3, frames=5)
    first, second = lagged(run, 2)
    assert list(first) == [0, 1, 2, 5, 6, 7, 10, 11, 12]
    assert list(second - first) == [2] * 9
    assert lagged(run, 5)[0].size == 0
    assert np.isnan(lag_rmsd(run, 5)[0])


def test_pairs_are_as_far_apart_in_time_as_in_frames(trajectory):
    """A walker that turned round stayed, and one that went on from a refused jump is further."""
    run = dataclasses.replace(trajectory(0, segments=2, frames=6), jumps=np.array([2, 1, 1, 0, 1, 1, 1, 3, 1, 1, 1, 1]))
    assert list(lagged(run, 1)[0]) == [0, 1, 3, 4, 7, 8, 9, 10]
    assert list(lagged(run, 2)[0]) == [0, 3, 7, 8, 9]


def test_turning_as_a_whole_is_no_motion(trajectory):
    run = trajectory(1, frames=30)
    angle = np.linspace(0, 3, 30)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0 * angle], [np.sin(angle), np.cos(angle), 0 * angle],
                     [0 * angle, 0 * angle, 1 + 0 * angle]]).transpose(2, 0, 1)  # fmt: skip
    turning = dataclasses.replace(run, positions=run.positions[:1] @ turn)
    assert lag_rmsd(turning, 1)[0] == pytest.approx(0, abs=1e-9)


def test_a_stretch_is_motion(trajectory):
    run = trajectory(2, frames=20)
    steps = np.where(np.arange(20) % 2, 1.01, 1.0)[:, None, None]
    shape = run.positions[:1] - run.positions[:1].mean(axis=1, keepdims=True)
    expected = 0.01 * np.sqrt(np.mean(np.sum(shape[0] ** 2, axis=1)))
    value, pairs = lag_rmsd(dataclasses.replace(run, positions=shape * steps), 1)
    assert (value, pairs) == (pytest.approx(expected), 19)


def test_torsion_step_crosses_the_seam(trajectory):
    run = trajectory(3, frames=4)
    phi = np.radians([[170.0], [-170.0], [170.0], [-170.0]])
    assert torsion_step(run, phi, 1) == (pytest.approx(np.radians(20)), 3)
    assert torsion_step(run, np.zeros((4, 0)), 1)[1] == 0
