"""Is the energy of motion what the temperature says it must be?"""

import numpy as np

from mdsnake.evaluate.autocorrelation import effective_samples, standard_error
from mdsnake.evaluate.metrics import Mean
from mdsnake.store.h5md import Trajectory
from mdsnake.units import BOLTZMANN


def ke_ratio(trajectory: Trajectory, temperature: float) -> Mean:
    """⟨KE⟩ over (degrees of freedom)·kT/2, the mean over frames; `temperature` in K."""
    expected = trajectory.degrees_of_freedom * BOLTZMANN * temperature / 2
    return float(trajectory.kinetic.mean() / expected), trajectory.n_frames


def ke_ratio_error(trajectory: Trajectory, temperature: float) -> Mean:
    """Standard error of `ke_ratio`, and the independent samples it rests on.

    At low friction the energy wanders slowly, and many frames are few samples.
    """
    expected = trajectory.degrees_of_freedom * BOLTZMANN * temperature / 2
    samples = effective_samples(trajectory.kinetic, trajectory.segments())
    return standard_error(trajectory.kinetic, trajectory.segments()) / expected, int(samples)


def atom_degrees_of_freedom(
    x: np.ndarray, masses: np.ndarray, constraints: np.ndarray, centre_of_mass: bool
) -> np.ndarray:
    """Degrees of freedom of the momentum of each atom, (N,), averaged over frames `x` (F, N, 3).

    Rigid pairs `constraints` (C, 2), and the motion of the centre of mass where it is removed, take part of the
    motion of each atom away.  In mass-weighted velocities the allowed ones are a subspace; equipartition gives
    each atom kT/2 times the trace of its 3 × 3 block of the projector on that subspace.
    """
    frames, n = x.shape[:2]
    rows = np.zeros((frames, len(constraints) + 3 * centre_of_mass, n, 3))
    i, j = constraints.T if len(constraints) else (np.zeros(0, int), np.zeros(0, int))
    direction = x[:, i] - x[:, j]
    c = np.arange(len(constraints))
    rows[:, c, i] = direction / np.sqrt(masses[i])[:, None]
    rows[:, c, j] = -direction / np.sqrt(masses[j])[:, None]
    if centre_of_mass:
        rows[:, len(constraints) :] = np.sqrt(masses)[:, None] * np.eye(3)[:, None, :]
    flat = rows.reshape(frames, rows.shape[1], 3 * n)
    taken = np.einsum("fac,fca->a", np.linalg.pinv(flat), flat) / frames if rows.shape[1] else np.zeros(3 * n)
    return 3 - taken.reshape(n, 3).sum(axis=1)


def element_temperatures(trajectory: Trajectory, constraints: np.ndarray, frames: int = 20) -> dict[int, Mean]:
    """Kinetic temperature of each element in K, by atomic number, as a mean over frames.

    `constraints` are the rigid pairs (C, 2); `frames` of them, spread over the trajectory, give the degrees of freedom.
    """
    n = len(trajectory.masses)
    chosen = np.linspace(0, trajectory.n_frames - 1, min(frames, trajectory.n_frames)).astype(int)
    removed = trajectory.degrees_of_freedom <= 3 * n - len(constraints) - 3
    x = trajectory.positions[chosen].astype(float)
    freedom = atom_degrees_of_freedom(x, trajectory.masses, constraints, removed)
    speed2 = np.mean(np.sum(trajectory.velocities.astype(float) ** 2, axis=-1), axis=0)
    found = {}
    for number in np.unique(trajectory.numbers):
        of = trajectory.numbers == number
        twice_kinetic = np.sum(trajectory.masses[of] * speed2[of])
        found[int(number)] = float(twice_kinetic / (BOLTZMANN * freedom[of].sum())), trajectory.n_frames
    return found
