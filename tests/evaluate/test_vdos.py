import dataclasses

import numpy as np
import pytest

from mdsnake.evaluate.vdos import peak_shifts, peaks, vdos
from mdsnake.units import SPEED_OF_LIGHT


def oscillating(run, *wavenumbers):
    """`run` with velocities that swing at these wavenumbers, the first the strongest."""
    time = np.arange(run.n_frames) * run.frame_ps
    swing = sum(np.cos(2 * np.pi * SPEED_OF_LIGHT * w * time + rank) / (1 + rank) for rank, w in enumerate(wavenumbers))
    return dataclasses.replace(run, velocities=np.broadcast_to(swing[:, None, None], run.positions.shape).copy())


def test_a_harmonic_oscillator_has_its_peak_where_it_should(trajectory):
    run = oscillating(trajectory(0, segments=3, frames=4000, frame_ps=0.002), 1733.0, 950.0)
    wavenumbers, density = vdos(run)
    np.testing.assert_allclose(peaks(wavenumbers, density), [1733, 950], atol=1)
    assert np.trapezoid(density, wavenumbers) == pytest.approx(1)


def test_faster_than_nyquist_is_folded_back(trajectory):
    run = trajectory(0, frames=4000, frame_ps=0.008)
    nyquist = 1 / (2 * 0.008 * SPEED_OF_LIGHT)
    folded = peaks(*vdos(oscillating(run, nyquist + 300)))[0]
    assert folded == pytest.approx(nyquist - 300, abs=1.5)


def test_shifts_go_to_the_nearest_peak(trajectory):
    run = trajectory(0, frames=4000, frame_ps=0.002)
    reference, model = vdos(oscillating(run, 1700.0, 900.0)), vdos(oscillating(run, 920.0, 1680.0, 3000.0))
    shifts = peak_shifts(model, reference)
    np.testing.assert_allclose(shifts[:2], [-20, 20], atol=2)
    assert np.isnan(shifts[2]), "the reference has two peaks"


def test_no_motion_no_peaks(trajectory):
    run = trajectory(0, frames=100)
    still = vdos(dataclasses.replace(run, velocities=np.zeros_like(run.velocities)))
    assert len(peaks(*still)) == 0
    assert np.isnan(peak_shifts(still, vdos(run))).all()
