"""Generalised hybrid Monte Carlo: exact sampling by any reversible move that keeps volume.

    z ← Φ(z) with probability min(1, exp(−ΔH/kT)), else z ← R z              (R turns velocities round)

between partial refreshments of the velocities by the thermostat (Horowitz, Phys. Lett. B 268, 247 (1991)).  The
Boltzmann distribution is stationary whatever Φ: a poor network costs acceptance, never correctness.  Nothing may clamp,
scale or project positions or velocities on the way, so rigid bonds are refused.

A second try of half the lag after a refusal (delayed rejection, Mira, Metron 59, 231 (2001)) would cost two calls, its
own and that of the first move from its end, so it wins accepted time per call only where it is taken four times as
often as the first.  Nor would a shorter jump where ΔH is foreseen to spread: half the lag pays only where fewer than
half of the jumps are taken, and how much ΔH spreads over velocities hardly depends on where the atoms are.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mdsnake.families.kstep.moves import Move
from mdsnake.physics.counters import Counters
from mdsnake.physics.integrators import State, total_energy
from mdsnake.physics.potential import Potential
from mdsnake.units import BOLTZMANN

TALLIES = ("jumps", "accepted", "rejected_energy", "rejected_nonfinite")
#: Stands for a ΔH in kJ/mol that could not be evaluated; trajectories keep theirs in single precision.
NOT_EVALUATED = float(np.finfo(np.float32).max)


@dataclasses.dataclass
class Exact:
    """The propagator of a `move` with its Metropolis test; the states that it returns tell its outcome."""

    potential: Potential
    move: Move
    temperature_K: float
    tally: Counters = dataclasses.field(default_factory=lambda: Counters(dict.fromkeys(TALLIES, 0.0)))

    def __call__(self, states: Sequence[State], rng: np.random.Generator) -> list[State]:
        ends, chances = self.move(states), rng.random(len(states))
        return [self._tested(*all_of) for all_of in zip(states, ends, chances, strict=True)]

    @property
    def counters(self) -> Counters:
        """Its own and those of its move."""
        return self.tally + self.move.counters

    def untested(self) -> "Untested":
        """The move alone."""
        return Untested(self.move)

    def energy_error(self, before: State, after: State | None) -> float:
        """ΔH in kJ/mol of a move from `before` to `after`."""
        masses = self.potential.masses
        error = total_energy(after, masses) - total_energy(before, masses) if after else np.inf
        return float(np.clip(error, -NOT_EVALUATED, NOT_EVALUATED)) if np.isfinite(error) else NOT_EVALUATED

    def _tested(self, before: State, end: State | None, chance: float) -> State:
        error = self.energy_error(before, end)
        after = end if chance < np.exp(min(0.0, -error / (BOLTZMANN * self.temperature_K))) else None
        self.tally["jumps"] += 1
        self.tally["accepted" if after else f"rejected_{'energy' if error < NOT_EVALUATED else 'nonfinite'}"] += 1
        start = after or dataclasses.replace(before, v=-before.v)
        return dataclasses.replace(start, energy_error=error, accepted=after is not None)


@dataclasses.dataclass
class Untested:
    """A move without a test: at constant energy as far as the move keeps it."""

    move: Move

    @property
    def counters(self) -> Counters:
        return self.move.counters

    def untested(self) -> "Untested":
        return self

    def __call__(self, states: Sequence[State], rng: np.random.Generator) -> list[State]:
        """Where the potential cannot be evaluated the walker stays, and is counted as lost."""
        ends = self.move(states)
        self.counters["lost"] += sum(end is None for end in ends)
        return [end or state for state, end in zip(states, ends, strict=True)]
