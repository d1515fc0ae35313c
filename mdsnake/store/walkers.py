"""Walkers on a surface as trajectories: each is a segment, its plane the x and y of the one particle."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from mdsnake.errors import UserError
from mdsnake.store.h5md import Trajectory

#: Nanometres, picoseconds, daltons and kJ/mol are a closed set, so numbers without a unit are stored as they are.
HYDROGEN = np.array([1])
MASS = np.array([1.0])


def walkers_trajectory(
    x: Float[np.ndarray, "walkers frames 2"],
    v: Float[np.ndarray, "walkers frames 2"],
    force: Float[np.ndarray, "walkers frames 2"],
    energy: Float[np.ndarray, "walkers frames"],
    record: float,
    about: dict[str, Any],
    counters: dict[str, float],
) -> Trajectory:
    """The walkers one after the other."""

    def spatial(plane: np.ndarray) -> np.ndarray:
        return np.pad(plane.reshape(-1, 1, 2), ((0, 0), (0, 0), (0, 1)))

    return Trajectory(
        numbers=HYDROGEN,
        masses=MASS,
        positions=spatial(x),
        velocities=spatial(v),
        forces=spatial(force),
        potential=energy.reshape(-1),
        segment=np.repeat(np.arange(len(x)), x.shape[1]),
        frame_ps=record,
        degrees_of_freedom=2,
        provenance=about,
        counters=counters,
    )


def load_walkers(path: Path, record: float, finite: bool = True) -> Trajectory:
    """The trajectory of a file, if it is of walkers whose frames are `record` apart, and all its numbers `finite`."""
    trajectory = Trajectory.load(path, finite)
    if trajectory.numbers.tolist() != [1]:
        raise UserError(f"{path}: {len(trajectory.numbers)} atoms, where a walker is expected; simulate the surface")
    if abs(trajectory.frame_ps - record) > 1e-6 * record:
        raise UserError(f"{path}: its frames are {trajectory.frame_ps:g} apart, not {record:g}; simulate it again")
    return trajectory


def paths(trajectory: Trajectory, path: Path) -> Float[np.ndarray, "walkers frames 2"]:
    """Positions by walker, all of which have as many frames."""
    segments = list(trajectory.segments())
    if len({s.stop - s.start for s in segments}) > 1:
        raise UserError(f"{path}: its walkers have different numbers of frames; simulate it again")
    return trajectory.positions[:, 0, :2].astype(float).reshape(len(segments), -1, 2)
