"""What an integrator or a propagator may ask of a source of forces."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mdsnake.config import PlainEngine
from mdsnake.errors import UserError


class EvaluationFailed(UserError):
    """No forces at this geometry: self-consistency was not reached, or atoms lie on each other."""


@dataclasses.dataclass
class Calls:
    """How often a potential was evaluated and how long that took."""

    force_calls: int = 0
    energy_calls: int = 0
    force_ms: float = 0.0
    energy_ms: float = 0.0

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Count one evaluation of forces and its time, which one that fails takes as well."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.force_ms += 1e3 * (time.perf_counter() - start)
            self.force_calls += 1

    def counters(self) -> dict[str, float]:
        """The counts under the names that trajectories use."""
        return dataclasses.asdict(self)


class Potential(Protocol):
    """A potential energy surface of N atoms, perhaps with C rigid bonds.

    Attributes
    ----------
    name : of the molecule, for messages
    numbers, masses : atomic numbers and Da, (N,)
    constraints, constraint_lengths : atom pairs (C, 2) and nm (C,)
    calls : evaluations so far
    about : what a file must tell of this source (platform, method, versions)
    """

    name: str
    numbers: np.ndarray
    masses: np.ndarray
    constraints: np.ndarray
    constraint_lengths: np.ndarray
    calls: Calls
    about: dict[str, Any]

    @property
    def degrees_of_freedom(self) -> int:
        """3N − C − 3: the motion of the centre of mass is taken off."""
        ...

    def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy in kJ/mol and forces (N, 3) in kJ/mol/nm at `x` (N, 3) in nm; raises `EvaluationFailed`."""
        ...

    def project_positions(self, x: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """The positions with every constraint at its length.

        Atoms move along the constraints as they lie at `start`, where given: that is SHAKE, which keeps
        a Verlet step symplectic and reversible.  Otherwise along the constraints at `x` itself.
        """
        ...

    def project_velocities(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The velocities at `x` without their part along the constraints."""
        ...

    def reset(self) -> None:
        """Forget what was computed before, so that what follows does not depend on it."""
        ...


class Unconstrained:
    """The members of `Potential` that are alike wherever no bond is rigid."""

    masses: np.ndarray
    constraints = np.zeros((0, 2), dtype=int)
    constraint_lengths = np.zeros(0)

    @property
    def degrees_of_freedom(self) -> int:
        return 3 * len(self.masses) - len(self.constraints) - 3

    def project_positions(self, x: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        return x

    def project_velocities(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        return v

    def reset(self) -> None:
        return None


def open_classical(prepared: Path) -> Potential:
    """The force field of the molecule in the folder `prepared`, with no bond rigid, on the platform for few atoms."""
    from mdsnake.physics.openmm import OpenMMPotential, load_system

    system, graph = load_system(prepared, constraints="none")
    return OpenMMPotential(system, graph, "Reference")


def open_potential(prepared: Path, engine: PlainEngine) -> Potential:
    """The potential that `engine` asks for, of the molecule in the folder `prepared`."""
    if engine.potential == "openmm":
        from mdsnake.physics.openmm import OpenMMPotential

        return OpenMMPotential.open(prepared, engine)
    from mdsnake.physics.ase import ASEPotential

    return ASEPotential.open(prepared, engine)
