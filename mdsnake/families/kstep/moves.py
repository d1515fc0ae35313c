"""Reversible maps over one lag that keep volume: what an exact member may propose.

With R the reversal of velocities, R Φ R = Φ⁻¹ and |det ∂Φ| = 1 hold for each of them, however poor the network or the
surrogate potential behind it.
"""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mdsnake.families.kstep.corrector import half_kick
from mdsnake.families.kstep.hybrid import Proposal, proposed
from mdsnake.physics.counters import Counters
from mdsnake.physics.integrators import State, make_state, verlet_step
from mdsnake.physics.potential import EvaluationFailed, Potential


class Move(Protocol):
    """Takes all walkers one lag on; None where the potential cannot be evaluated on the way or at the end."""

    counters: Counters

    def __call__(self, states: Sequence[State]) -> list[State | None]: ...


@dataclasses.dataclass
class LearnedMove:
    """Half-kick of the true force, `proposal`, half-kick: one force call a jump."""

    potential: Potential
    proposal: Proposal
    lag_ps: float
    counters: Counters = dataclasses.field(default_factory=lambda: Counters({"network_calls": 0, "network_ms": 0}))

    def __call__(self, states: Sequence[State]) -> list[State | None]:
        mass = self.potential.masses[:, None]
        x, v, dx, dv = proposed(self.proposal, states, mass, self.lag_ps, self.counters)
        return [_kicked(_at(self.potential, *end), mass, self.lag_ps) for end in zip(x + dx, v + dv, strict=True)]


@dataclasses.dataclass
class VerletMove:
    """`steps` of velocity Verlet of `timestep_ps`: plain hybrid Monte Carlo (Duane et al., Phys. Lett. B 195, 216
    (1987)), one force call a step."""

    potential: Potential
    steps: int
    timestep_ps: float
    counters: Counters = dataclasses.field(default_factory=Counters)

    def __call__(self, states: Sequence[State]) -> list[State | None]:
        return [self._moved(state) for state in states]

    def _moved(self, state: State) -> State | None:
        try:
            for _ in range(self.steps):
                state = verlet_step(state, self.potential, self.timestep_ps)
        except EvaluationFailed:
            return None
        return state


@dataclasses.dataclass
class SurrogateMove:
    """`steps` of velocity Verlet by a cheap `surrogate`, one true force call a jump.

    With `corrected` they stand between half-kicks by what the surrogate lacks of the true force, as in r-RESPA
    (Tuckerman, Berne & Martyna, J. Chem. Phys. 97, 1990 (1992)).
    """

    potential: Potential
    surrogate: Potential
    steps: int
    timestep_ps: float
    corrected: bool
    counters: Counters = dataclasses.field(default_factory=lambda: Counters({"surrogate_calls": 0, "surrogate_ms": 0}))

    def __call__(self, states: Sequence[State]) -> list[State | None]:
        before = self.surrogate.calls.counters()
        ends = [self._moved(state) for state in states]
        after = self.surrogate.calls.counters()
        for unit in ("calls", "ms"):
            self.counters[f"surrogate_{unit}"] += after[f"force_{unit}"] - before[f"force_{unit}"]
        return ends

    def _moved(self, state: State) -> State | None:
        mass, lag = self.potential.masses[:, None], self.steps * self.timestep_ps
        try:
            inner = make_state(self.surrogate, state.x, state.v)
            if self.corrected:
                inner.v = inner.v + half_kick(state.forces - inner.forces, mass, lag)
            for _ in range(self.steps):
                inner = verlet_step(inner, self.surrogate, self.timestep_ps)
            end = make_state(self.potential, inner.x, inner.v)
        except EvaluationFailed:
            return None
        if self.corrected:
            end.v = end.v + half_kick(end.forces - inner.forces, mass, lag)
        return end


def _at(potential: Potential, x: np.ndarray, v: np.ndarray) -> State | None:
    try:
        return make_state(potential, x, v)
    except EvaluationFailed:
        return None


def _kicked(state: State | None, mass: np.ndarray, lag_ps: float) -> State | None:
    return state and dataclasses.replace(state, v=state.v + half_kick(state.forces, mass, lag_ps))
