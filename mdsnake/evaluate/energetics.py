"""Does the energy stay where it was without a thermostat?"""

import numpy as np

from mdsnake.store.h5md import Trajectory
from mdsnake.units import EV


def total_energy(trajectory: Trajectory) -> np.ndarray:
    """Potential and kinetic energy, (F,) kJ/mol."""
    return trajectory.potential + trajectory.kinetic


def drift(trajectory: Trajectory) -> tuple[float, float, int]:
    """Slope of the total energy in kJ/mol/ps, raw: mean over segments of a linear fit, standard error, segments.

    The standard error is NaN for one segment; segments of a single frame have no slope.
    """
    energy = total_energy(trajectory)
    slopes = [_slope(energy[s], trajectory.frame_ps) for s in trajectory.segments() if s.stop - s.start > 1]
    if not slopes:
        return np.nan, np.nan, 0
    error = np.std(slopes, ddof=1) / np.sqrt(len(slopes)) if len(slopes) > 1 else np.nan
    return float(np.mean(slopes)), float(error), len(slopes)


def mev_per_atom(kj_per_mol: float, atoms: int) -> float:
    """kJ/mol of a molecule in meV per atom."""
    return 1e3 * kj_per_mol / EV / atoms


def mean_change(trajectory: Trajectory) -> tuple[np.ndarray, np.ndarray]:
    """Time (T,) in ps and the change of the total energy since the start (T,) in kJ/mol, mean over segments."""
    energy = total_energy(trajectory)
    shortest = min(s.stop - s.start for s in trajectory.segments())
    change = np.mean([energy[s][:shortest] - energy[s.start] for s in trajectory.segments()], axis=0)
    return np.arange(shortest) * trajectory.frame_ps, change


def _slope(energy: np.ndarray, frame_ps: float) -> float:
    time = np.arange(len(energy)) * frame_ps
    time -= time.mean()
    return float(time @ (energy - energy.mean()) / (time @ time))
