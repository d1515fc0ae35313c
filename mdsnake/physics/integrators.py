"""Plain integrators over a `Potential`: functions from state to state.

Everything random comes from the generator that is passed in.  Rigid bonds are held by the potential's projections.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mdsnake.physics.potential import EvaluationFailed, Potential
from mdsnake.units import BOLTZMANN, kinetic_energy


@dataclasses.dataclass
class State:
    """Positions x (N, 3) nm, velocities v (N, 3) nm/ps, and energy kJ/mol and forces (N, 3) kJ/mol/nm at x.

    `work` is the total energy in kJ/mol that approximate propagators have put in since the start; `energy_error` is
    what the first jump from the state before would have changed it by, and `jumps` how many a Metropolis test took.
    """

    x: np.ndarray
    v: np.ndarray
    energy: float
    forces: np.ndarray
    work: float = 0.0
    energy_error: float = 0.0
    jumps: int = 1


def make_state(potential: Potential, x: np.ndarray, v: np.ndarray) -> State:
    """The state at (x, v); costs one force call."""
    return State(x, v, *potential.energy_forces(x))


def total_energy(state: State, masses: np.ndarray) -> float:
    """Potential and kinetic energy in kJ/mol."""
    return state.energy + float(kinetic_energy(state.v, masses))


def remove_com(values: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """Positions or velocities (..., N, 3) less their mass-weighted mean over the atoms."""
    return values - np.einsum("...ij,i->...j", values, masses / masses.sum())[..., None, :]


def verlet_step(state: State, potential: Potential, dt: float) -> State:
    """One velocity-Verlet step of `dt` ps; one force call.

    With constraints it is RATTLE (Andersen, J. Comput. Phys. 52, 24 (1983)).
    """
    half = 0.5 * dt / potential.masses[:, None]
    v = state.v + half * state.forces
    free = state.x + dt * v
    x = potential.project_positions(free, state.x)
    energy, forces = potential.energy_forces(x)
    v = potential.project_velocities(x, v + (x - free) / dt + half * forces)
    return State(x, v, energy, forces)


def thermostat(
    potential: Potential,
    x: np.ndarray,
    v: np.ndarray,
    time_ps: float,
    friction_per_ps: float,
    temperature_K: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Velocities after `time_ps` of friction and noise at fixed positions.

    The exact Ornstein–Uhlenbeck solution (Bussi & Parrinello, Phys. Rev. E 75, 056707 (2007), eq. 12),
    projected onto the constraints.  It acts on the centre of mass too; `remove_com` takes that motion off.
    """
    keep = np.exp(-friction_per_ps * time_ps)
    spread = np.sqrt((1 - keep**2) * BOLTZMANN * temperature_K / potential.masses)[:, None]
    return potential.project_velocities(x, keep * v + spread * rng.standard_normal(v.shape))


def langevin_step(
    state: State,
    potential: Potential,
    dt: float,
    friction_per_ps: float,
    temperature_K: float,
    rng: np.random.Generator,
) -> State:
    """One Langevin step of `dt` ps in the order kick, half drift, thermostat, half drift; one force call.

    This is BAOAB (Leimkuhler & Matthews, Appl. Math. Res. Express 2013, 34) seen half a kick later, as OpenMM's
    LangevinMiddle does (Zhang et al., J. Phys. Chem. A 123, 6056 (2019)): the positions are BAOAB's, and of a
    harmonic mode both positions and velocities have their exact distribution at any stable `dt`, where BAOAB's
    own velocities are too cold by (ω dt)²/4.  Constraints as in OpenMM: velocities after each change of theirs,
    positions once at the end.
    """
    v = potential.project_velocities(state.x, state.v + dt * state.forces / potential.masses[:, None])
    free = state.x + 0.5 * dt * v
    v = thermostat(potential, state.x, v, dt, friction_per_ps, temperature_K, rng)
    free = free + 0.5 * dt * v
    x = potential.project_positions(free, state.x)
    v = potential.project_velocities(x, v + (x - free) / dt)
    return State(x, v, *potential.energy_forces(x))


def maxwell_boltzmann(
    potential: Potential, x: np.ndarray, temperature_K: float, rng: np.random.Generator
) -> np.ndarray:
    """Thermal velocities at `x`, without motion along constraints or of the centre of mass.

    Both projections are orthogonal in the mass metric, so the mean kinetic energy is kT/2 for each of the
    3N − C − 3 degrees of freedom left.
    """
    masses = potential.masses
    v = np.sqrt(BOLTZMANN * temperature_K / masses)[:, None] * rng.standard_normal(x.shape)
    return potential.project_velocities(x, remove_com(v, masses))


def largest_stable_timestep(
    states: Sequence[State],
    potential: Potential,
    base_dt: float,
    temperature_K: float,
    factors: Sequence[float] = (1, 1.5, 2, 2.5, 3, 4, 5, 6),
    length_ps: float = 0.2,
    tolerance: float = 0.2,
) -> float:
    """The largest of `factors` × `base_dt` (ps) at which plain Verlet is still sound; `base_dt` if none is.

    Sound: in NVE runs of `length_ps` from each of the thermal `states` the total energy stays finite and its rms
    deviation from its start is in each below `tolerance` times √(f/2) kT, the thermal rms fluctuation of the
    kinetic energy of f degrees of freedom.  For a harmonic mode the energy deviates by (ω dt)²/4 of the
    potential energy (Hairer, Lubich & Wanner, Acta Numer. 12, 399 (2003)), so the default allows ω dt of 0.5
    to 1 to a mode, where 2 is barely stable.  Factors are tried in ascending order up to the first that fails.
    """
    limit = tolerance * np.sqrt(potential.degrees_of_freedom / 2) * BOLTZMANN * temperature_K
    best = base_dt
    for dt in sorted(factor * base_dt for factor in factors):
        if not all(_energy_deviation(state, potential, dt, round(length_ps / dt)) < limit for state in states):
            break
        best = dt
    return best


def _energy_deviation(state: State, potential: Potential, dt: float, steps: int) -> float:
    start = total_energy(state, potential.masses)
    squares = 0.0
    for _ in range(steps):
        try:
            state = verlet_step(state, potential, dt)
        except EvaluationFailed:
            return np.inf
        squares += (total_energy(state, potential.masses) - start) ** 2
        if not np.isfinite(squares):
            return np.inf
    return float(np.sqrt(squares / steps))
