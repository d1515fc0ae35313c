"""Generalised hybrid Monte Carlo: exact sampling by any reversible move that keeps volume.

    z ← Φ(z) with probability min(1, exp(−ΔH/kT)), else z ← R z              (R turns velocities round)

between partial refreshments of the velocities by the thermostat (Horowitz, Phys. Lett. B 268, 247 (1991)).  The
Boltzmann distribution is stationary whatever Φ: a poor network costs acceptance, never correctness.  Nothing may clamp,
scale or project positions or velocities on the way, so rigid bonds are refused.
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


@dataclasses.dataclass
class Exact:
    """The propagator of a `move` with its Metropolis test.

    Parameters
    ----------
    second : tried where the first move is refused (delayed rejection, Mira, Metron 59, 231 (2001)); its acceptance
        needs the first move from its own end, so a second try costs both
    """

    potential: Potential
    move: Move
    temperature_K: float
    second: Move | None = None
    tally: Counters = dataclasses.field(default_factory=lambda: Counters(dict.fromkeys(TALLIES, 0.0)))

    def __post_init__(self) -> None:
        self.kT = BOLTZMANN * self.temperature_K

    def __call__(self, states: Sequence[State], rng: np.random.Generator) -> list[State]:
        ends, chances = self.move(states), rng.random((2, len(states)))
        gains = [self._gain(*pair) for pair in zip(states, ends, strict=True)]
        after = [self._tried(*all_of) for all_of in zip(states, ends, gains, chances[0], strict=True)]
        if self.second:
            refused = [i for i, state in enumerate(after) if state is None]
            for i, state in zip(refused, self._tried_again(states, gains, chances[1], refused), strict=True):
                after[i] = state
        return [end or dataclasses.replace(state, v=-state.v) for state, end in zip(states, after, strict=True)]

    @property
    def counters(self) -> Counters:
        """Its own and those of its moves."""
        return self.tally + self.move.counters + (self.second.counters if self.second else {})

    def untested(self) -> "Untested":
        """The move alone."""
        return Untested(self.move)

    def _gain(self, before: State, after: State | None) -> float:
        """ΔH/kT; infinite where it is not finite."""
        masses = self.potential.masses
        gain = (total_energy(after, masses) - total_energy(before, masses)) / self.kT if after else np.inf
        return gain if np.isfinite(gain) else np.inf

    def _tried(self, before: State, end: State | None, gain: float, chance: float) -> State | None:
        self.tally["jumps"] += 1
        if end and chance < _acceptance(gain):
            self.tally["accepted"] += 1
            return end
        self.tally["rejected_energy" if np.isfinite(gain) else "rejected_nonfinite"] += 1
        return None

    def _tried_again(
        self, states: Sequence[State], gains: Sequence[float], chances: np.ndarray, refused: list[int]
    ) -> list[State | None]:
        """Ends of the second move where it is taken: π(z₂)(1 − a(z₂)) against π(z)(1 − a(z)), a of the first move."""
        assert self.second
        starts = [states[i] for i in refused]
        ends = self.second(starts)
        ended = [end for end in ends if end]
        back = iter(self.move([dataclasses.replace(end, v=-end.v) for end in ended]) if ended else [])
        taken: list[State | None] = []
        for i, start, end in zip(refused, starts, ends, strict=True):
            if end is None:
                taken.append(None)
                continue
            here, there = 1 - _acceptance(gains[i]), 1 - _acceptance(self._gain(end, next(back)))
            ratio = np.exp(min(700.0, -self._gain(start, end))) * there / here
            taken.append(end if chances[i] < ratio else None)
            self.tally["second_tries"] += 1
            self.tally["second_accepted"] += taken[-1] is not None
        return taken


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


def _acceptance(gain: float) -> float:
    return float(np.exp(min(0.0, -gain)))
