"""Langevin dynamics of many independent walkers at once, on any surface: functions from state to state.

Everything random comes from the generator that is passed in.
"""

from collections.abc import Callable

import numpy as np

#: Forces (W, D) at the positions (W, D) of W walkers.
Force = Callable[[np.ndarray], np.ndarray]


def overdamped(
    force: Force, x: np.ndarray, kT: float, timestep: float, steps: int, rng: np.random.Generator
) -> np.ndarray:
    """Positions (W, D) after `steps` steps of dx = F dt + √(2 kT) dW, by Euler and Maruyama; friction is 1.

    Of first order in the timestep: in a harmonic well of stiffness k the variance is kT/k / (1 − k dt/2).
    """
    spread = np.sqrt(2 * kT * timestep)
    for _ in range(steps):
        x = x + timestep * force(x) + spread * rng.standard_normal(x.shape)
    return x


def baoab(
    force: Force,
    x: np.ndarray,
    v: np.ndarray,
    kT: float,
    mass: float,
    friction: float,
    timestep: float,
    steps: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities (W, D) after `steps` steps of Langevin dynamics.

    The splitting BAOAB of Leimkuhler and Matthews (J. Chem. Phys. 138, 174102 (2013)): of second order, and positions
    in a harmonic well have the variance kT/k at any stable timestep.  One force call a step, and one at the start.
    """
    kick, drift = 0.5 * timestep / mass, 0.5 * timestep
    kept = np.exp(-friction * timestep)
    spread = np.sqrt(kT / mass * (1 - kept**2))
    pull = kick * force(x)
    for _ in range(steps):
        v = v + pull
        x = x + drift * v
        v = kept * v + spread * rng.standard_normal(x.shape)
        x = x + drift * v
        pull = kick * force(x)
        v = v + pull
    return x, v


def propagate(
    force: Force,
    x: np.ndarray,
    v: np.ndarray,
    kT: float,
    friction: float | None,
    timestep: float,
    steps: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities (W, D) after `steps` steps: overdamped where there is no `friction`, else with mass 1.

    Overdamped walkers have no velocities; theirs are passed on.
    """
    if friction is None:
        return overdamped(force, x, kT, timestep, steps, rng), v
    return baoab(force, x, v, kT, 1.0, friction, timestep, steps, rng)
