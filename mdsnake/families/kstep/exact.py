"""Generalised hybrid Monte Carlo: exact sampling by any reversible move that keeps volume.

    z ← Φʲ(z) for the first j = 1 … 1 + m with H(Φʲ(z)) − H(z) ≤ −kT ln u, else z ← R z     (R turns velocities round)

between partial refreshments of the velocities by the thermostat (Horowitz, Phys. Lett. B 268, 247 (1991)), with one u
for all jumps of a walker, uniform between 0 and 1, and m extra chances (Campos & Sanz-Serna, J. Comput. Phys. 281, 365
(2015)).  The Boltzmann distribution is stationary whatever Φ: a poor network costs acceptance, never correctness.
Nothing may clamp, scale or project positions or velocities on the way, so rigid bonds are refused.

Extra chances keep walkers going: a jump after one that was refused, the energy is mostly right again, where turning
round would take back the path so far.  They are exact as the way from z to Φʲ(z) has the weight by which the lesser
exp(−H/kT) of its ends exceeds the largest in between, and so has the way back, from R Φʲ(z) to R z.  A way is given up
where H rises `GIVEN_UP_KT` above the bound H(z) − kT ln u, which is that of the way back as well.

A second try of half the lag after a refusal (delayed rejection, Mira, Metron 59, 231 (2001)) would cost two calls, its
own and that of the first move from its end, so it wins accepted time per call only where it is taken four times as
often as the first; an extra chance costs one call and goes on.  Nor would a shorter jump where ΔH is foreseen to
spread: half the lag pays only where fewer than half of the jumps are taken, and a rule that chooses it where it pays
wins 2 ± 2 in a hundred at most (benchmarks/kstep_confidence.py).
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mdsnake.families.kstep.moves import Move
from mdsnake.physics.counters import Counters
from mdsnake.physics.integrators import State, total_energy
from mdsnake.physics.potential import Potential
from mdsnake.units import BOLTZMANN

TALLIES = ("jumps", "accepted", "rejected_energy", "rejected_nonfinite")
#: Above the bound of its test by more, a walker does not come back, but runs into what no potential can evaluate.
GIVEN_UP_KT = 20.0
#: Stands for a ΔH in kJ/mol that could not be evaluated; trajectories keep theirs in single precision.
NOT_EVALUATED = float(np.finfo(np.float32).max)


@dataclasses.dataclass
class Exact:
    """The propagator of a `move` with its Metropolis test; the states that it returns tell its outcome."""

    potential: Potential
    move: Move
    temperature_K: float
    extra_chances: int = 0
    tally: Counters = dataclasses.field(default_factory=lambda: Counters(dict.fromkeys(TALLIES, 0.0)))

    def __call__(self, states: Sequence[State], rng: np.random.Generator) -> list[State]:
        """Each walker after the first jump that passes the test, or turned round; ΔH is that of its first jump."""
        bounds = BOLTZMANN * self.temperature_K * rng.exponential(size=len(states))  # −kT ln u
        given_up = GIVEN_UP_KT * BOLTZMANN * self.temperature_K
        on_the_way, first = dict(enumerate(states)), dict[int, float]()
        found = {walker: dataclasses.replace(state, v=-state.v, jumps=0) for walker, state in on_the_way.items()}
        for jumps in range(1, 2 + self.extra_chances):
            ends = dict(zip(on_the_way, self.move(list(on_the_way.values())), strict=True))
            errors = {walker: self.energy_error(states[walker], end) for walker, end in ends.items()}
            first = first or errors  # those of the first jump
            taken = {walker: end for walker, end in ends.items() if end and errors[walker] <= bounds[walker]}
            found |= {walker: dataclasses.replace(end, jumps=jumps) for walker, end in taken.items()}
            on_the_way = {
                walker: end
                for walker, end in ends.items()
                if end and bounds[walker] < errors[walker] <= bounds[walker] + given_up
            }
            if not on_the_way:
                break
        self._count(first, bounds)
        return [dataclasses.replace(found[walker], energy_error=error) for walker, error in first.items()]

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

    def _count(self, errors: Mapping[int, float], bounds: np.ndarray) -> None:
        """The outcomes of first jumps."""
        for walker, error in errors.items():
            self.tally["jumps"] += 1
            refused = f"rejected_{'energy' if error < NOT_EVALUATED else 'nonfinite'}"
            self.tally["accepted" if error <= bounds[walker] else refused] += 1


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


def effective_friction(thermostat_per_ps: float, jumps: np.ndarray, lag_ps: float) -> float:
    """Friction in 1/ps of the Langevin dynamics by which a free particle would spread as fast as by jumps of `lag_ps`.

    A free particle of velocity v moves l v τ where l of its `jumps` are taken, and not where it is turned round, l = 0,
    each time on its own.  The thermostat leaves q = exp(−γτ) of the velocity from one time to the next.  With r the
    share of turns, displacements d that are n times apart have

        ⟨d₀ dₙ⟩ = ⟨l⟩² (1 − 2r)ⁿ⁻¹ qⁿ τ² kT/m,        ⟨d₀²⟩ = ⟨l²⟩ τ² kT/m

    as each time in between keeps the sign of the velocity if taken, and turns it if not.  With a mean duration of
    T = (⟨l⟩ + r) τ, the diffusion constant D is (⟨d₀²⟩/2 + Σₙ ⟨d₀ dₙ⟩)/T, and friction kT/(mD).  Without turns, and
    with l = 1, that is γ (to order (γτ)²); without thermostat 2r/((1 − r)τ).
    """
    turned, kept = float(np.mean(jumps == 0)), np.exp(-thermostat_per_ps * lag_ps)
    length, square = float(np.mean(jumps)), float(np.mean(np.square(jumps, dtype=float)))
    path = square / 2 + length**2 * kept / (1 - (1 - 2 * turned) * kept) if turned or kept < 1 else np.inf
    return float((length + turned) / (lag_ps * path)) if path else np.inf
