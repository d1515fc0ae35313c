"""The hybrid integrator: a proposed jump between two half-kicks of the true force, checked against the physics.

Every frame covers the same lag.  A jump that fails a check of stability is proposed again, scaled down; when the
attempts are used up, or where the energy check refuses it, the reference integrator covers the lag instead.

`account` lets jumps gain or lose only so much energy in all.  The fall-back makes `metropolis` inexact: the frame
after a refusal depends on what was refused, and a walk that takes losses of energy but refuses gains runs cold, the
more so the weaker the friction.  `exact.py` turns velocities round instead.
"""

import dataclasses
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mdsnake.families.kstep.config import Jump, Rollout
from mdsnake.families.kstep.corrector import half_kick
from mdsnake.physics.counters import Counters
from mdsnake.physics.integrators import State, total_energy, verlet_step
from mdsnake.physics.potential import EvaluationFailed, Potential
from mdsnake.units import BOLTZMANN, kinetic_energy

#: What is counted, beside the sizes of projections.
REASONS = ("nonfinite", "bond", "kinetic", "potential", "energy")
TALLIES = ("jumps", "accepted", "fallbacks", "network_calls", "network_ms", *(f"rejected_{r}" for r in REASONS))
#: Bounds on the factor by which velocities are scaled to conserve energy.
ENERGY_SCALE = (0.5, 2.0)


class Rejected(Exception):
    """A proposed jump failed a check; the argument names it."""


class Propagator(Protocol):
    """Takes the states of all walkers one lag on at constant energy."""

    @property
    def counters(self) -> Counters: ...

    def __call__(self, states: Sequence[State], rng: np.random.Generator) -> list[State]: ...

    def untested(self) -> "Propagator":
        """The same without a test of the energy, for runs that measure its drift."""
        ...


class Proposal(Protocol):
    """Proposes displacements and velocity changes (W, N, 3) from positions, velocities and forces (W, N, 3)."""

    def __call__(self, x: np.ndarray, v: np.ndarray, force: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]: ...

    def reset(self) -> None:
        """Forget what was computed before, so that what follows does not depend on it."""
        ...

    def compile(self, walkers: int) -> None:
        """Make ready for many jumps of so many walkers, if that pays."""
        ...


def proposed(
    proposal: Proposal, states: Sequence[State], mass: np.ndarray, lag_ps: float, counters: Counters
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Positions, velocities after a half-kick, and the changes of both that `proposal` makes, each (W, N, 3).

    The time and the calls go to `counters`; `mass` (N, 1) in Da.
    """
    x, forces = np.stack([s.x for s in states]), np.stack([s.forces for s in states])
    v = np.stack([s.v for s in states]) + half_kick(forces, mass, lag_ps)
    start = time.perf_counter()
    dx, dv = proposal(x, v, forces)
    counters["network_ms"] += 1e3 * (time.perf_counter() - start)
    counters["network_calls"] += len(states)
    return x, v, dx, dv


@dataclasses.dataclass
class Frozen:
    """No jump at all: every frame is the one before, so only a thermostat acts."""

    counters: Counters = dataclasses.field(default_factory=Counters)

    def __call__(self, states: Sequence[State], rng: np.random.Generator) -> list[State]:
        return list(states)

    def untested(self) -> "Frozen":
        return self


@dataclasses.dataclass
class Verlet:
    """The plain integrator: `steps` of `timestep_ps` for each frame."""

    potential: Potential
    steps: int
    timestep_ps: float
    counters: Counters = dataclasses.field(default_factory=Counters)

    def __call__(self, states: Sequence[State], rng: np.random.Generator) -> list[State]:
        return [self.lag(state) for state in states]

    def untested(self) -> "Verlet":
        return self

    def lag(self, state: State) -> State:
        for _ in range(self.steps):
            state = verlet_step(state, self.potential, self.timestep_ps)
        return state


@dataclasses.dataclass
class Hybrid:
    """Half-kick, jump, half-kick, with checks and fall-back.

    Parameters
    ----------
    proposal : the jump between the half-kicks
    bonds, bond_lengths : atom pairs (B, 2) and their equilibrium lengths in nm, for the check of stretches
    """

    potential: Potential
    proposal: Proposal
    jump: Jump
    settings: Rollout
    bonds: np.ndarray
    bond_lengths: np.ndarray
    counters: Counters = dataclasses.field(default_factory=lambda: Counters(dict.fromkeys(TALLIES, 0.0)))

    def __post_init__(self) -> None:
        self.mass = self.potential.masses[:, None]
        self.kT = BOLTZMANN * self.jump.temperature_K
        self.max_kinetic = self.settings.max_kinetic_ratio * 0.5 * self.potential.degrees_of_freedom * self.kT
        self.fallback = Verlet(self.potential, self.jump.k, self.jump.timestep_fs * 1e-3)

    def __call__(self, states: Sequence[State], rng: np.random.Generator) -> list[State]:
        tried = proposed(self.proposal, states, self.mass, self.jump.lag_ps, self.counters)
        return [self._checked(rng, state, *jump) for state, *jump in zip(states, *tried, strict=True)]

    def untested(self) -> "Hybrid":
        return dataclasses.replace(self, settings=self.settings.model_copy(update={"energy_check": "none"}))

    def _checked(
        self, rng: np.random.Generator, state: State, x: np.ndarray, v: np.ndarray, dx: np.ndarray, dv: np.ndarray
    ) -> State:
        self.counters["jumps"] += 1
        for attempt in range(self.settings.attempts):
            scale = self.settings.attempt_scale**attempt
            try:
                after = self._close(state, x + scale * dx, v + scale * dv)
            except Rejected as reason:
                self.counters[f"rejected_{reason}"] += 1
                continue
            if self._energy_holds(state, after, rng):
                self.counters["accepted"] += 1
                return after
            self.counters["rejected_energy"] += 1
            break
        self.counters["fallbacks"] += 1
        try:
            return dataclasses.replace(self.fallback.lag(state), work=state.work)
        except EvaluationFailed:  # an exploded molecule cannot be brought back: it stays where it is, and is told of
            self.counters["lost"] += 1
            return state

    def _close(self, before: State, x: np.ndarray, v: np.ndarray) -> State:
        """The state after the last half-kick, or `Rejected`."""
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
        v = v + half_kick(forces, self.mass, self.jump.lag_ps)
        v = self._projected(v, self.potential.project_velocities(x, v), "projection_sq_nm_per_ps")
        kinetic = float(kinetic_energy(v, self.potential.masses))
        if not kinetic < self.max_kinetic:
            raise Rejected("kinetic")
        gain = energy + kinetic - total_energy(before, self.potential.masses)
        return State(x, v, energy, forces, before.work + gain)

    def _energy_holds(self, before: State, after: State, rng: np.random.Generator) -> bool:
        """The energy check; `rescale` changes the velocities of `after`."""
        masses, check = self.potential.masses, self.settings.energy_check
        if check == "account":
            return abs(after.work) <= max(self.settings.energy_account_kT * self.kT, abs(before.work))
        if check == "metropolis":
            return rng.random() < np.exp(min(0.0, (before.work - after.work) / self.kT))
        if check == "rescale":
            left = total_energy(before, masses) - after.energy
            scale = float(np.sqrt(max(left, 0.0) / kinetic_energy(after.v, masses)))
            after.v = scale * after.v
            return ENERGY_SCALE[0] < scale < ENERGY_SCALE[1]
        return True

    def _projected(self, values: np.ndarray, projected: np.ndarray, counter: str) -> np.ndarray:
        """Constrained values, the mean square of the correction added to `counter`."""
        self.counters[counter] += float(np.mean((projected - values) ** 2))
        self.counters["projections"] += 0.5
        return projected
