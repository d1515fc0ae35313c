"""What effective samples cost, from the walkers of all seeds together.

A single run's autocorrelation time errs most where its walkers outlast it least, and runs in which it comes out short
are the ones that seem long enough: of two-state walkers, eight of ten times their τ, the half of runs that settle claim
1.2 to 1.4 times the samples they hold, and of five times τ twice as many.  Three seeds together err by a twentieth.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mdsnake.evaluate.cost import effective_sample_size
from mdsnake.evaluate.geometry import dihedrals
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory

Z = 1.96  # of a 95 % interval


class Estimate(NamedTuple):
    """A positive value, the standard error of its logarithm, and how many walkers it is from."""

    value: float
    log_error: float
    n: int

    def over(self, other: "Estimate") -> "Estimate":
        return Estimate(self.value / other.value, float(np.hypot(self.log_error, other.log_error)), self.n)

    @property
    def inverse(self) -> "Estimate":
        return self._replace(value=1 / self.value)

    @property
    def bounded(self) -> dict[str, float]:
        """Fields of a record."""
        low, high = (self.value * np.exp(sign * Z * self.log_error) for sign in (-1, 1))
        return {"value": self.value, "low": low, "high": high, "n": self.n}


def pooled(trajectories: Sequence[Trajectory]) -> Trajectory:
    """The same run with other seeds as one, of more walkers."""
    segments, first = np.cumsum([0, *(one.segment.max() + 1 for one in trajectories)]), trajectories[0]
    arrays = {
        name: np.concatenate([getattr(one, name) for one in trajectories])
        for name in ("positions", "velocities", "forces", "potential", "energy_error", "jumps")
        if getattr(first, name) is not None
    }
    segment = np.concatenate([one.segment + start for one, start in zip(trajectories, segments, strict=False)])
    counters = {name: sum(one.counters[name] for one in trajectories) for name in first.counters}
    return dataclasses.replace(first, **arrays, segment=segment, counters=counters)


def samples(rollouts: Sequence[Path], graph: MoleculeGraph) -> dict[str, Estimate]:
    """`ess` and its kin of `evaluate` for all `rollouts` together; errors by leaving out walkers one by one.

    NaN where walkers are too short, with all of them or without one in most cases.
    """
    whole = pooled([Trajectory.load(path, finite=False) for path in rollouts])
    angles = dihedrals(whole.positions.astype(float), graph.torsions)
    walkers = np.unique(whole.segment)

    def of(kept: np.ndarray) -> dict[str, float]:
        part = whole.select(np.flatnonzero(kept), whole.segment[kept])
        return {name: value for name, (value, _) in effective_sample_size(part, angles[kept], whole).items()}

    found = of(np.ones(whole.n_frames, dtype=bool))
    fewer = [of(whole.segment != walker) for walker in walkers]
    estimates = {}
    for name, value in found.items():
        logs = np.log([one[name] for one in fewer if np.isfinite(one[name])])
        error = float(np.sqrt((len(walkers) - 1) * logs.var())) if len(logs) > len(walkers) / 2 else np.nan
        estimates[name] = Estimate(value if np.isfinite(error) else np.nan, error, len(walkers))
    return estimates
