"""Classical force fields: an OpenMM System evaluated through one Context."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openmm

from mdsnake.config import PlainEngine
from mdsnake.errors import UserError
from mdsnake.inputs import read_text
from mdsnake.physics.potential import Calls, EvaluationFailed, Unconstrained
from mdsnake.store.graph import MoleculeGraph

#: Constraint solvers stop at this relative error of a length.
TOLERANCE = 1e-8
#: `auto` leaves the double-precision, deterministic Reference platform only for this gain.
WORTHWHILE_SPEEDUP = 1.5
PROPERTIES = {
    "CPU": {"Threads": "1", "DeterministicForces": "true"},
    "CUDA": {"Precision": "mixed", "DeterministicForces": "true"},
    "HIP": {"Precision": "mixed", "DeterministicForces": "true"},
    "OpenCL": {"Precision": "mixed"},
}


def load_system(prepared: Path, constraints: str) -> tuple[openmm.System, MoleculeGraph]:
    """The System of `prepared/system.xml`, with bonds to hydrogen rigid where `constraints` is hbonds.

    A rigid bond takes its length from the minimised conformer, since an arbitrary System does not tell
    its equilibrium lengths.  Removal of the centre-of-mass motion is switched off: it would disturb NVE.
    """
    graph = MoleculeGraph.load(prepared / "graph.json")
    path = prepared / "system.xml"
    try:
        system = openmm.XmlSerializer.deserialize(read_text(path, "no such file; run `mdsnake prepare` first"))
    except (openmm.OpenMMException, ValueError) as error:
        raise UserError(f"{path}: not an OpenMM System; prepare the molecule again") from error
    if not isinstance(system, openmm.System) or not _has_masses(system, graph.masses):
        raise UserError(f"{path}: not a System of the {graph.n_atoms} atoms in graph.json; prepare the molecule again")
    for index in reversed(range(system.getNumForces())):
        if isinstance(system.getForce(index), openmm.CMMotionRemover):
            system.removeForce(index)
    if constraints == "hbonds":
        rigid = {tuple(sorted(system.getConstraintParameters(i)[:2])) for i in range(system.getNumConstraints())}
        for (i, j), length in zip(graph.bonds, graph.bond_lengths, strict=True):
            if 1 in (graph.numbers[i], graph.numbers[j]) and (i, j) not in rigid:
                system.addConstraint(i, j, float(length))
    return system, graph


def _has_masses(system: openmm.System, masses: Sequence[float]) -> bool:
    """Whether the particles weigh the same as the atoms, within 0.5 Da."""
    found = [system.getParticleMass(i)._value for i in range(system.getNumParticles())]
    return len(found) == len(masses) and bool(np.allclose(found, masses, rtol=0, atol=0.5))


def new_context(
    system: openmm.System, integrator: openmm.Integrator, platform: str, positions: np.ndarray
) -> openmm.Context:
    """A Context at `positions` (N, 3) in nm, on the named platform with this package's precision and threads."""
    integrator.setConstraintTolerance(TOLERANCE)
    try:
        found = openmm.Platform.getPlatformByName(platform)
        context = openmm.Context(system, integrator, found, PROPERTIES.get(platform, {}))
    except openmm.OpenMMException as error:
        raise UserError(f"platform: {platform}: OpenMM cannot use it here ({error}); try auto or Reference") from error
    context.setPositions(positions)
    return context


def choose_platform(system: openmm.System, positions: np.ndarray, wanted: str = "auto", steps: int = 50) -> str:
    """The platform `wanted`, or for `auto` the fastest by timing `steps` steps on each that works here.

    Reference wins unless another is 1.5 times as fast: it is double precision, and near a tie the timing's
    noise would otherwise decide which trajectory a seed gives.
    """
    if wanted != "auto":
        return wanted
    micros: dict[str, float] = {}
    for index in range(openmm.Platform.getNumPlatforms()):
        name = openmm.Platform.getPlatform(index).getName()
        integrator = openmm.VerletIntegrator(1e-4)
        try:
            context = new_context(system, integrator, name, positions)
            integrator.step(5)
            context.getState(positions=True)
            start = time.perf_counter()
            integrator.step(steps)
            context.getState(positions=True)
            micros[name] = 1e6 * (time.perf_counter() - start) / steps
        except (UserError, openmm.OpenMMException):
            continue
    best = min(micros, key=lambda name: micros[name] * (WORTHWHILE_SPEEDUP if name != "Reference" else 1))
    timings = ", ".join(f"{name} {value:.1f}" for name, value in sorted(micros.items(), key=lambda item: item[1]))
    print(f"platform: {best} (µs per step: {timings})", flush=True)
    return best


class OpenMMPotential(Unconstrained):
    """A System as a `Potential`; see `mdsnake.physics.potential.Potential`."""

    def __init__(self, system: openmm.System, graph: MoleculeGraph, platform: str = "auto") -> None:
        positions = np.array(graph.positions)
        count = system.getNumParticles()
        rigid = [system.getConstraintParameters(i) for i in range(system.getNumConstraints())]
        self.name = graph.name
        self.numbers = np.array(graph.numbers)
        self.masses = np.array([system.getParticleMass(i)._value for i in range(count)])
        self.constraints = np.array([(i, j) for i, j, _ in rigid], dtype=int).reshape(-1, 2)
        self.constraint_lengths = np.array([length._value for *_, length in rigid])
        self.calls = Calls()
        self.platform = choose_platform(system, positions, platform)
        self.about: dict[str, Any] = {"platform": self.platform, "openmm": openmm.version.full_version}
        self.system = system
        self._integrator = openmm.CustomIntegrator(1.0)
        self._integrator.addComputePerDof("x", "x + v")
        self._integrator.addConstrainPositions()
        self._context = new_context(system, self._integrator, self.platform, positions)

    @classmethod
    def open(cls, prepared: Path, engine: PlainEngine) -> "OpenMMPotential":
        """The potential of the molecule in the folder `prepared`."""
        system, graph = load_system(Path(prepared), engine.constraints)
        return cls(system, graph, engine.platform)

    def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        with self.calls.timed():
            self._context.setPositions(x)
            try:
                state = self._context.getState(energy=True, forces=True)
            except openmm.OpenMMException as error:
                raise EvaluationFailed(f"{self.name}: OpenMM failed: {error}; shorten timestep_fs") from error
            return state.getPotentialEnergy()._value, vectors(state, openmm.State.Forces, len(self.masses))

    def project_positions(self, x: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        if not len(self.constraints):
            return x
        if start is None:
            self._context.setPositions(x)
            self._context.applyConstraints(TOLERANCE)
        else:  # a step of this Context's own integrator is the displacement, then SHAKE
            self._context.setPositions(start)
            self._context.setVelocities(x - start)
            self._integrator.step(1)
        return vectors(self._context.getState(positions=True), openmm.State.Positions, len(x))

    def project_velocities(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        if not len(self.constraints):
            return v
        self._context.setPositions(x)
        self._context.setVelocities(v)
        self._context.applyVelocityConstraints(TOLERANCE)
        return vectors(self._context.getState(velocities=True), openmm.State.Velocities, len(x))


def vectors(state: openmm.State, kind: int, count: int) -> np.ndarray:
    """Positions (nm), velocities (nm/ps) or forces (kJ/mol/nm) of a State as a new array (count, 3).

    `State.getForces(asNumpy=True)` takes ten times as long, which is longer than a small molecule's forces do.
    """
    values = np.empty((count, 3))
    state._getVectorAsNumpy(kind, values)
    return values
