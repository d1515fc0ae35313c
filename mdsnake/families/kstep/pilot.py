"""Choices that a user need not make: by short pilots from thermal states."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mdsnake.families.kstep.config import Jump
from mdsnake.families.kstep.exact import Exact
from mdsnake.families.kstep.moves import VerletMove
from mdsnake.physics.integrators import State, maxwell_boltzmann
from mdsnake.physics.potential import Potential

PILOT_JUMPS = 32
LONGEST_STEP_PS = 0.0025  # about what Verlet bears with hydrogen: ω dt < 2 at 3600 cm⁻¹
FRICTIONS = (0.5, 50.0)  # 1/ps, bounds of the choice


def acceptance(propagator: Exact, states: Sequence[State], temperature_K: float, jumps: int = PILOT_JUMPS) -> float:
    """Share of jumps taken, `jumps` in all, on chains from `states` whose velocities are drawn anew before each."""
    rng, tried, taken = np.random.default_rng(0), propagator.tally["jumps"], propagator.tally["accepted"]
    chains = list(states)
    while propagator.tally["jumps"] - tried < jumps:
        velocities = [maxwell_boltzmann(propagator.potential, chain.x, temperature_K, rng) for chain in chains]
        starts = [dataclasses.replace(chain, v=v) for chain, v in zip(chains, velocities, strict=True)]
        chains = propagator(starts, rng)
    return (propagator.tally["accepted"] - taken) / (propagator.tally["jumps"] - tried)


def best_verlet_steps(potential: Potential, states: Sequence[State], jump: Jump) -> int:
    """The number of Verlet steps in a jump of hybrid Monte Carlo that gives most accepted time per force call.

    Tried from the longest steps on, up to the first that does worse than the one before.
    """
    steps = int(np.ceil(jump.lag_ps / LONGEST_STEP_PS - 1e-9))
    best, gain = steps, -1.0
    while True:
        move = VerletMove(potential, steps, jump.lag_ps / steps)
        taken = acceptance(Exact(potential, move, jump.temperature_K), states, jump.temperature_K)
        print(f"hmc: {steps} steps of {1e3 * move.timestep_ps:.3g} fs a jump: {100 * taken:.0f} % taken", flush=True)
        if taken / steps < gain:
            return best
        best, gain = (steps, taken / steps) if taken > 0 else (steps, -1.0)
        steps += 1


def best_friction(propagator: Exact, states: Sequence[State], jump: Jump) -> float:
    """Friction in 1/ps at which velocities last about as long as a walker goes between two refusals.

    A refusal turns a walker back on its own path; weaker friction would let it retrace it.
    """
    taken = acceptance(propagator, states, jump.temperature_K)
    friction = float(np.clip((1 - taken) / jump.lag_ps, *FRICTIONS))
    print(f"friction {friction:.3g}/ps, as {100 * taken:.0f} % of jumps are taken in a pilot", flush=True)
    return friction
