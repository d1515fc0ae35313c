"""What a source of dynamics hands over, and what it must be able to do."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np

from mdsnake.errors import UserError
from mdsnake.physics.integrators import remove_com
from mdsnake.physics.potential import Potential
from mdsnake.units import BOLTZMANN, kinetic_energy

#: A piece's kinetic energy may not exceed this many times its mean; no thermal fluctuation comes near.
EXPLOSION = 20


@dataclasses.dataclass
class Frames:
    """F frames of N atoms in nm, nm/ps, kJ/mol/nm and kJ/mol."""

    positions: np.ndarray
    velocities: np.ndarray
    forces: np.ndarray
    potential: np.ndarray

    @classmethod
    def empty(cls, n_frames: int, n_atoms: int) -> "Frames":
        positions, velocities, forces = np.empty((3, n_frames, n_atoms, 3))
        return cls(positions, velocities, forces, np.empty(n_frames))

    def put(self, index: int, x: np.ndarray, v: np.ndarray, energy: float, forces: np.ndarray) -> None:
        self.positions[index], self.velocities[index], self.forces[index] = x, v, forces
        self.potential[index] = energy

    def centred(self, masses: np.ndarray) -> "Frames":
        """The same in single precision, without position and velocity of the centre of mass.

        Its motion decouples from the rest, so that what is left has 3N − C − 3 degrees of freedom at exactly the
        thermostat's temperature.
        """
        return Frames(
            remove_com(self.positions, masses).astype(np.float32),
            remove_com(self.velocities, masses).astype(np.float32),
            self.forces.astype(np.float32),
            self.potential,
        )

    def part(self, frames: slice) -> "Frames":
        """Some of the frames, as views."""
        return Frames(self.positions[frames], self.velocities[frames], self.forces[frames], self.potential[frames])

    @classmethod
    def join(cls, parts: "list[Frames]") -> "Frames":
        """All frames, one after the other."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in dataclasses.fields(cls)))


@dataclasses.dataclass
class Cost:
    """Steps taken (a force call each) and the time spent on taking them, without the reading out of frames.

    `force_ms` is the forces' part of it where the engine tells it apart, which OpenMM does not: there it is all.
    """

    steps: int = 0
    step_ms: float = 0.0
    force_ms: float = 0.0

    @contextmanager
    def timed(self, steps: int) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.step_ms += 1e3 * (time.perf_counter() - start)
        self.steps += steps


def check_sound(frames: Frames, x: np.ndarray, v: np.ndarray, potential: Potential, kelvin: float, when: str) -> None:
    """Raise a `UserError` where frames or the state after them are not finite or the molecule has flown apart."""
    kinetic = kinetic_energy(np.concatenate([frames.velocities, v[None]]), potential.masses)
    limit = EXPLOSION * 0.5 * (potential.degrees_of_freedom + 3) * BOLTZMANN * kelvin
    if not (np.isfinite(frames.potential).all() and np.isfinite(x).all() and (kinetic < limit).all()):
        raise UserError(
            f"{potential.name}: the dynamics exploded {when}; shorten timestep_fs or check the force field, charge "
            "and multiplicity"
        )


class Dynamics(Protocol):
    """A molecular-dynamics engine that keeps nothing between two calls.

    So a trajectory cut into calls is the same trajectory wherever an interruption falls.
    """

    @property
    def potential(self) -> Potential: ...

    def nvt(
        self, x: np.ndarray, v: np.ndarray, seed: int, n_frames: int, interval: int, cost: Cost
    ) -> tuple[Frames, np.ndarray, np.ndarray]:
        """Langevin dynamics: frames after each of `n_frames` × `interval` steps, and the last x and v."""
        ...

    def nve(self, x: np.ndarray, v: np.ndarray, steps: int, cost: Cost) -> Frames:
        """Velocity Verlet: the initial frame and one after each step, positions and velocities at the same time."""
        ...
