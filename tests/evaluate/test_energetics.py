import dataclasses

import numpy as np
import pytest

from mdsnake.evaluate.energetics import drift, mean_change, mev_per_atom


def test_slopes_are_recovered_per_segment(trajectory):
    run = trajectory(0, segments=3, frames=200, frame_ps=0.01)
    time = np.tile(np.arange(200) * 0.01, 3)
    slopes = np.repeat([1.0, 2.0, 3.0], 200)
    offset = np.repeat([5.0, -70.0, 400.0], 200)
    sloping = dataclasses.replace(run, potential=offset + slopes * time - run.kinetic)
    slope, error, segments = drift(sloping)
    assert (slope, segments) == (pytest.approx(2), 3)
    assert error == pytest.approx(1 / np.sqrt(3))
    seconds, change = mean_change(sloping)
    np.testing.assert_allclose(change, 2 * seconds, atol=1e-9)


def test_one_segment_has_no_standard_error(trajectory):
    assert np.isnan(drift(trajectory(0, frames=50))[1])


def test_units_of_the_drift():
    assert mev_per_atom(96.48533212331002, 10) == pytest.approx(100)
