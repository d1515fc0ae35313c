"""How often torsions change their well, and how soon they forget where they were."""

import numpy as np

from mdsnake.evaluate.autocorrelation import integrated_time
from mdsnake.evaluate.geometry import wrap
from mdsnake.store.h5md import Trajectory

WELLS_DEG = (-60.0, 60.0, 180.0)
CORE_DEG = 30.0


def count_flips(dihedrals: np.ndarray) -> int:
    """Changes of well in one torsion's consecutive dihedrals (F,), radians.

    With hysteresis: a torsion leaves its well only when it reaches the core, ±30°, of another, so recrossings
    of a barrier do not count.
    """
    away = np.abs(wrap(dihedrals[:, None] - np.radians(WELLS_DEG)))
    core = away.argmin(axis=1)[away.min(axis=1) <= np.radians(CORE_DEG)]
    return int(np.count_nonzero(np.diff(core)))


def flip_rate(trajectory: Trajectory, dihedrals: np.ndarray) -> tuple[float, int]:
    """Flips per ps and torsion, of `dihedrals` (F, T) in radians, within segments; and the flips counted."""
    torsions = dihedrals.shape[1]
    if not torsions or trajectory.simulated_ps <= 0:
        return np.nan, 0
    flips = sum(count_flips(dihedrals[s, t]) for s in trajectory.segments() for t in range(torsions))
    return flips / (trajectory.simulated_ps * torsions), flips


def torsion_time(trajectory: Trajectory, dihedrals: np.ndarray) -> tuple[float, int]:
    """Integrated autocorrelation time of exp(iφ) in ps, mean over the torsions (F, T) that move; and their number."""
    times = [integrated_time(np.exp(1j * phi), trajectory.segments()) for phi in dihedrals.T]
    times = [time for time in times if np.isfinite(time)]
    frame_ps = trajectory.pace * trajectory.frame_ps
    return (float(np.mean(times)) * frame_ps, len(times)) if times else (np.nan, 0)
