"""How far a molecule moves in a given time."""

from collections.abc import Iterator

import numpy as np

from mdsnake.evaluate.geometry import aligned_rmsd, wrap
from mdsnake.store.h5md import Trajectory

CHUNK = 50_000  # frames superposed at a time; bounds the memory of long trajectories


def lagged(trajectory: Trajectory, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (P,), (P,) of all pairs of frames `lag` apart, in the same segment and with one jump to every frame."""
    first = np.arange(max(trajectory.n_frames - lag, 0))
    first = first[trajectory.segment[first] == trajectory.segment[first + lag]]
    if trajectory.jumps is not None:
        odd = np.cumsum(trajectory.jumps != 1)
        first = first[odd[first] == odd[first + lag]]
    return first, first + lag


def lag_rmsd(trajectory: Trajectory, lag: int) -> tuple[float, int]:
    """Mean superposed RMSD in nm between frames `lag` apart, and the number of pairs."""
    first, second = lagged(trajectory, lag)
    if not len(first):
        return np.nan, 0
    x = trajectory.positions
    total = sum(float(aligned_rmsd(x[a].astype(float), x[b].astype(float)).sum()) for a, b in _chunks(first, second))
    return total / len(first), len(first)


def torsion_step(trajectory: Trajectory, dihedrals: np.ndarray, lag: int) -> tuple[float, int]:
    """Mean |Δφ| in radians, wrapped, between frames `lag` apart, of `dihedrals` (F, T); and the number of pairs."""
    first, second = lagged(trajectory, lag)
    if not len(first) or dihedrals.shape[1] == 0:
        return np.nan, 0
    return float(np.abs(wrap(dihedrals[second] - dihedrals[first])).mean()), len(first)


def _chunks(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(first), CHUNK):
        yield first[start : start + CHUNK], second[start : start + CHUNK]
