"""The vibrational density of states and its peaks."""

import numpy as np

from mdsnake.store.h5md import Trajectory
from mdsnake.units import SPEED_OF_LIGHT

LENGTH_PS = 4.0  # of a Welch segment: a resolution of 8 cm⁻¹
LOWEST = 100.0  # cm⁻¹; below it the molecule as a whole turns
PEAKS = 3


def vdos(trajectory: Trajectory, length_ps: float = LENGTH_PS) -> tuple[np.ndarray, np.ndarray]:
    """Wavenumbers (W,) in cm⁻¹ and density (W,), of unit area, of the mass-weighted velocities.

    The Fourier transform of their autocorrelation, by Welch's method inside segments (half overlapping Hann
    windows of at most `length_ps`).  Vibrations above the Nyquist wavenumber, 1/(2c·frame), appear folded
    back, in a reference of the same frame alike.  Welch, IEEE Trans. Audio Electroacoust. 15, 70 (1967).
    """
    longest = max(s.stop - s.start for s in trajectory.segments())
    n = min(longest, max(8, round(length_ps / trajectory.frame_ps)))
    window = np.hanning(n + 1)[:n][:, None, None]
    power = np.zeros(n // 2 + 1)
    for s in trajectory.segments():
        for start in range(s.start, s.stop - n + 1, max(n // 2, 1)):
            v = trajectory.velocities[start : start + n].astype(float) * window
            power += np.einsum("wna,n->w", np.abs(np.fft.rfft(v, axis=0)) ** 2, trajectory.masses)
    wavenumbers = np.fft.rfftfreq(n, trajectory.frame_ps) / SPEED_OF_LIGHT
    area = np.trapezoid(power, wavenumbers)
    return wavenumbers, power / area if area > 0 else power


def peaks(wavenumbers: np.ndarray, density: np.ndarray, count: int | None = None) -> np.ndarray:
    """Places in cm⁻¹ of the strongest local maxima above `LOWEST`, strongest first, all by default.

    Each is the vertex of the parabola through three points; maxima under 2 % of the highest are noise.
    """
    middle = density[1:-1]
    found = np.flatnonzero((middle > density[:-2]) & (middle >= density[2:]) & (wavenumbers[1:-1] > LOWEST)) + 1
    if not len(found):
        return np.zeros(0)
    found = found[density[found] > 0.02 * density[found].max()]
    found = found[np.argsort(-density[found])][:count]
    before, at, after = density[found - 1], density[found], density[found + 1]
    return wavenumbers[found] + 0.5 * (before - after) / (before - 2 * at + after) * wavenumbers[1]


def peak_shifts(
    model: tuple[np.ndarray, np.ndarray], reference: tuple[np.ndarray, np.ndarray], count: int = PEAKS
) -> np.ndarray:
    """Shift (count,) in cm⁻¹ of the nearest peak of `model` from each of the strongest peaks of `reference`.

    Both are wavenumbers and density; NaN where there is no such peak.
    """
    wanted, offered = peaks(*reference, count), peaks(*model)
    shifts = np.full(count, np.nan)
    if len(offered):
        for rank, peak in enumerate(wanted):
            shifts[rank] = offered[np.abs(offered - peak).argmin()] - peak
    return shifts
