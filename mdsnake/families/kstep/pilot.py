"""Choices that a user need not make: by short pilots from thermal states."""

import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mdsnake.config import PlainEngine
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import CONTROLS, Jump, RolloutSettings
from mdsnake.families.kstep.exact import Exact, effective_friction
from mdsnake.families.kstep.hybrid import Propagator
from mdsnake.families.kstep.moves import VerletMove
from mdsnake.physics.integrators import State, largest_stable_timestep, maxwell_boltzmann
from mdsnake.physics.potential import Potential

PILOT_JUMPS = 256  # turns are rare
FEW_STATES = 4  # that the largest stable time step is tried from
LONGEST_STEP_PS = 0.0025  # about what Verlet bears with hydrogen: ω dt < 2 at 3600 cm⁻¹
NEARLY_BEST = 0.9  # what a pilot cannot tell from the best
FINEST = 4  # times as many steps as the engine's, none of which is taken: these are no forces
MOST_FRICTION = 50.0  # 1/ps
#: In 1/ps; torsions of a molecule by itself hardly turn slower, and its energy is soon forgotten.
SAMPLING_FRICTION = 10.0
FEWEST_WALKERS = 8
WORTHWHILE = 0.9  # twice the walkers must each take less than this share of the time
TIMINGS = 3
UNTESTED = tuple(name for name in CONTROLS if name not in ("hmc", "hmc-mm"))


class Choices(NamedTuple):
    """What a roll-out runs with, whether told or chosen."""

    walkers: int
    friction_per_ps: float
    verlet_steps: int | None = None


def choices(
    settings: RolloutSettings,
    engine: PlainEngine,
    potential: Potential,
    thermal: Callable[[int], list[State]],
    opened: Callable[[int | None], Propagator],
    frames: int,
) -> Choices:
    """What `settings` leave open, by pilots from some of `frames` thermal states.

    `opened` gives the propagator, for so many Verlet steps in a jump where it has any.
    """
    told, member = settings.rollout, settings.member
    walkers, steps = told.walkers, told.hmc_steps if member == "hmc" else None
    fewest = min(FEWEST_WALKERS, told.most_walkers, frames) if walkers == "auto" else walkers
    least = max(engine.friction_per_ps, SAMPLING_FRICTION)
    friction = least if told.friction_per_ps == "auto" else told.friction_per_ps or engine.friction_per_ps
    if member == "verlet-stable":
        steps = stable_verlet_steps(potential, thermal(fewest), settings.jump)
    if member in UNTESTED:  # nothing else of them depends on a pilot
        return Choices(fewest, friction, steps)
    if walkers != "auto" and told.friction_per_ps != "auto" and (member != "hmc" or steps):
        return Choices(walkers, friction, steps)
    states, propagator = thermal(fewest), opened(steps)  # which refuses what no pilot may try
    if member == "hmc":
        steps = steps or best_verlet_steps(potential, states, settings.jump, friction, told.extra_chances)
        propagator = opened(steps)
    if walkers == "auto":
        walkers = best_walkers(propagator, states, min(told.most_walkers, frames))
    if told.friction_per_ps == "auto" and isinstance(propagator, Exact):
        friction = best_friction(propagator, states, settings.jump, least)
    return Choices(walkers, friction, steps)


def outcomes(propagator: Exact, states: Sequence[State], temperature_K: float, jumps: int) -> list[State]:
    """The state after each of at least `jumps`, on chains from `states` with velocities drawn anew for each."""
    rng, found, chains = np.random.default_rng(0), list[State](), list(states)
    while len(found) < jumps:
        velocities = [maxwell_boltzmann(propagator.potential, chain.x, temperature_K, rng) for chain in chains]
        chains = propagator([dataclasses.replace(c, v=v) for c, v in zip(chains, velocities, strict=True)], rng)
        found += chains
    return found


def stable_verlet_steps(potential: Potential, states: Sequence[State], jump: Jump) -> int:
    """The fewest Verlet steps in a jump that are stable from some of `states`."""
    largest = largest_stable_timestep(states[:FEW_STATES], potential, 1e-3 * jump.timestep_fs, jump.temperature_K)
    steps = int(np.ceil(jump.lag_ps / largest - 1e-9))
    print(f"verlet-stable: {steps} steps of {1e3 * jump.lag_ps / steps:.3g} fs a frame", flush=True)
    return steps


def best_verlet_steps(
    potential: Potential, states: Sequence[State], jump: Jump, friction_per_ps: float, extra_chances: int = 0
) -> int:
    """The number of Verlet steps in a jump of hybrid Monte Carlo by which walkers spread fastest for a force call.

    They spread in time as under the friction that turns and the thermostat's `friction_per_ps` make together.  Tried
    from the longest steps on, until two numbers in a row do worse than the best; of those that do about as well as the
    best the fewest, as energies are forgotten the faster the longer the steps.

    Raises
    ------
    UserError : where none is taken, however short the steps
    """
    steps, spreads = int(np.ceil(jump.lag_ps / LONGEST_STEP_PS - 1e-9)), dict[int, float]()
    while max(list(spreads.values())[-2:], default=0) == max(spreads.values(), default=0):
        move = VerletMove(potential, steps, jump.lag_ps / steps)
        propagator, before = Exact(potential, move, jump.temperature_K, extra_chances), potential.calls.force_calls
        jumps = np.array([one.jumps for one in outcomes(propagator, states, jump.temperature_K, PILOT_JUMPS)])
        went = 1e3 * jump.lag_ps * jumps.sum() / (potential.calls.force_calls - before)
        friction = effective_friction(friction_per_ps, jumps, jump.lag_ps)
        step = f"{steps} steps of {1e3 * move.timestep_ps:.3g} fs a jump"
        print(f"hmc: {step}: {went:.2g} fs a force call, with an effective friction of {friction:.3g}/ps", flush=True)
        if not went and steps >= FINEST * jump.k:
            raise UserError(f"hmc: no jump is taken, even in {step}; are its forces those of its energies?")
        spreads[steps] = went / friction
        steps = steps + 1 if went else 2 * steps
    return min(steps for steps, spread in spreads.items() if spread >= NEARLY_BEST * max(spreads.values()))


def best_friction(propagator: Exact, states: Sequence[State], jump: Jump, least: float) -> float:
    """Friction in 1/ps at which velocities last no longer than a walker goes between two turns, `least` at least.

    A turn sends a walker back on its own path, which weaker friction would let it retrace; and it leaves a walker its
    energy, which the thermostat alone exchanges.
    """
    tried = outcomes(propagator, states, jump.temperature_K, PILOT_JUMPS)
    turned = float(np.mean([one.jumps == 0 for one in tried]))
    friction = max(least, min(turned / jump.lag_ps, MOST_FRICTION))
    print(f"friction {friction:.3g}/ps, as walkers turn round in {100 * turned:.2g} % of a pilot's jumps", flush=True)
    return friction


def best_walkers(propagator: Propagator, states: Sequence[State], most: int) -> int:
    """Chains side by side, doubled as long as each takes a tenth less time for it; without a network the fewest.

    A small batch takes a network about as long as a single molecule; forces take as long for each.
    """
    rng = np.random.default_rng(0)

    def seconds(count: int) -> float:
        chains, times = list(itertools.islice(itertools.cycle(states), count)), []
        for _ in range(TIMINGS + 1):
            start = time.perf_counter()
            propagator(chains, rng)
            times.append((time.perf_counter() - start) / count)
        return min(times[1:])  # what is done once for a size of batch is in the first

    count = min(FEWEST_WALKERS, most)
    now = seconds(count)
    while propagator.counters.get("network_calls") and 2 * count <= most:
        then = seconds(2 * count)
        if then > WORTHWHILE * now:
            break
        count, now = 2 * count, then
    print(f"{count} walkers side by side: {1e3 * now:.3g} ms for a jump of each", flush=True)
    return count
