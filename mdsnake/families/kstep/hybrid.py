"""The hybrid integrator: a proposed jump between the halves of a Verlet step, checked against the physics.

Every frame covers the same lag.  A jump that fails a check is proposed again, scaled down; when the attempts are
used up the reference integrator covers the lag instead.
"""

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from mdsnake.families.kstep.config import Jump, Rollout
from mdsnake.families.kstep.corrector import opening
from mdsnake.physics.integrators import State, total_energy, verlet_step
from mdsnake.physics.potential import EvaluationFailed, Potential
from mdsnake.units import BOLTZMANN, kinetic_energy

#: Bounds on the factor by which velocities are scaled to conserve energy.
ENERGY_SCALE = (0.5, 2.0)


class Rejected(Exception):
    """A proposed jump failed a check; the argument names it."""


class Propagator(Protocol):
    """Takes the states of all walkers one lag on at constant energy."""

    counters: Counter[str]

    def __call__(self, states: Sequence[State]) -> list[State]: ...


#: Proposes displacements and velocity changes (W, N, 3) from positions, velocities and forces (W, N, 3).
Proposal = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def zero(x: np.ndarray, v: np.ndarray, force: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """No model: the jump leaves everything where it is."""
    return np.zeros_like(x), np.zeros_like(v)


@dataclasses.dataclass
class Verlet:
    """The plain integrator: `steps` of `timestep_ps` for each frame."""

    potential: Potential
    steps: int
    timestep_ps: float
    counters: Counter[str] = dataclasses.field(default_factory=Counter)

    def __call__(self, states: Sequence[State]) -> list[State]:
        return [self._lag(state) for state in states]

    def _lag(self, state: State) -> State:
        for _ in range(self.steps):
            state = verlet_step(state, self.potential, self.timestep_ps)
        return state


@dataclasses.dataclass
class Hybrid:
    """Opening half-step, jump, closing half-step, with checks and fall-back.

    Parameters
    ----------
    proposal : the jump over τ − δ
    bonds, bond_lengths : atom pairs (B, 2) and their equilibrium lengths in nm, for the check of stretches
    """

    potential: Potential
    proposal: Proposal
    jump: Jump
    settings: Rollout
    bonds: np.ndarray
    bond_lengths: np.ndarray
    counters: Counter[str] = dataclasses.field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.mass = self.potential.masses[:, None]
        self.corrector_ps = self.jump.corrector_fs * 1e-3
        kT = BOLTZMANN * self.jump.temperature_K
        self.max_kinetic = self.settings.max_kinetic_ratio * 0.5 * self.potential.degrees_of_freedom * kT
        self.fallback = Verlet(self.potential, self.jump.k, self.jump.timestep_fs * 1e-3)

    def __call__(self, states: Sequence[State]) -> list[State]:
        opened = [opening(s.x, s.v, s.forces, self.mass, self.corrector_ps) for s in states]
        x, v = (np.stack(values) for values in zip(*opened, strict=True))
        start = time.perf_counter()
        dx, dv = self.proposal(x, v, np.stack([s.forces for s in states]))
        self.counters["network_ms"] += 1e3 * (time.perf_counter() - start)
        self.counters["network_calls"] += len(states)
        return [self._checked(state, *jump) for state, *jump in zip(states, x, v, dx, dv, strict=True)]

    def _checked(self, state: State, x: np.ndarray, v: np.ndarray, dx: np.ndarray, dv: np.ndarray) -> State:
        self.counters["jumps"] += 1
        for attempt in range(self.settings.attempts):
            scale = self.settings.attempt_scale**attempt
            try:
                after = self._close(state, x + scale * dx, v + scale * dv)
            except Rejected as reason:
                self.counters[f"rejected_{reason}"] += 1
            else:
                self.counters["accepted"] += 1
                return after
        self.counters["fallbacks"] += 1
        return self.fallback([state])[0]

    def _close(self, before: State, x: np.ndarray, v: np.ndarray) -> State:
        """The state after the closing half, or `Rejected`."""
        x = x + 0.5 * self.corrector_ps * v
        if not (np.isfinite(x).all() and np.isfinite(v).all()):
            raise Rejected("nonfinite")
        lengths = np.linalg.norm(x[self.bonds[:, 0]] - x[self.bonds[:, 1]], axis=-1)
        if (lengths > self.settings.max_bond_stretch * self.bond_lengths).any():
            raise Rejected("bond")
        x = self._projected(x, self.potential.project_positions(x), "projection_sq_nm")
        try:
            energy, forces = self.potential.energy_forces(x)
        except EvaluationFailed:
            raise Rejected("nonfinite") from None
        if not abs(energy - before.energy) < self.settings.max_potential_change_kj_per_mol:
            raise Rejected("potential")
        v = v + 0.5 * self.corrector_ps * forces / self.mass
        v = self._projected(v, self.potential.project_velocities(x, v), "projection_sq_nm_per_ps")
        kinetic = float(kinetic_energy(v, self.potential.masses))
        if not kinetic < self.max_kinetic:
            raise Rejected("kinetic")
        if self.settings.conserve_energy:
            left = total_energy(before, self.potential.masses) - energy
            scale = np.sqrt(max(left, 0.0) / kinetic)
            if not ENERGY_SCALE[0] < scale < ENERGY_SCALE[1]:
                raise Rejected("energy")
            v = scale * v
        return State(x, v, energy, forces)

    def _projected(self, values: np.ndarray, projected: np.ndarray, counter: str) -> np.ndarray:
        """Constrained values, the mean square of the correction added to `counter`."""
        self.counters[counter] += float(np.mean((projected - values) ** 2))
        self.counters["projections"] += 0.5
        return projected
