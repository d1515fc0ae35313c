"""Classical dynamics by OpenMM's own integrators."""

from pathlib import Path

import numpy as np
import openmm

from mdsnake.config import PlainEngine
from mdsnake.errors import UserError
from mdsnake.physics.openmm import OpenMMPotential, choose_platform, new_context, vectors
from mdsnake.simulate.frames import Cost, Frames
from mdsnake.store.atomic import write_text
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.work import read_note
from mdsnake.units import FEMTOSECOND


class MMDynamics:
    """`Dynamics` of an OpenMM System.

    Each call of `nvt` builds a Context with a seed of its own; that of `nve`, which draws nothing, is built once.
    Frames of `nvt` carry LangevinMiddle's velocities, half a kick away from the positions' time.  They have the
    Maxwell distribution and start a burst well once drawn; velocities of `nve` are at the positions' time.
    """

    def __init__(self, system: openmm.System, graph: MoleculeGraph, engine: PlainEngine, work: Path) -> None:
        note = work / "platform"  # a resumed job stays on the platform it was begun on
        platform = read_note(note)
        if not platform:
            platform = choose_platform(system, np.array(graph.positions), engine.platform)
            write_text(note, platform)
        self.potential = OpenMMPotential(system, graph, platform)
        self.engine = engine
        self._verlet: openmm.Context | None = None

    def nvt(
        self, x: np.ndarray, v: np.ndarray, seed: int, n_frames: int, interval: int, cost: Cost
    ) -> tuple[Frames, np.ndarray, np.ndarray]:
        engine = self.engine
        integrator = openmm.LangevinMiddleIntegrator(
            engine.temperature_K, engine.friction_per_ps, engine.timestep_fs * FEMTOSECOND
        )
        integrator.setRandomNumberSeed(seed)
        frames = Frames.empty(n_frames, len(x))
        context = new_context(self.potential.system, integrator, self.potential.platform, x)
        x, v = self._run(context, x, v, frames, interval, cost)
        return frames, x, v

    def nve(self, x: np.ndarray, v: np.ndarray, steps: int, cost: Cost) -> Frames:
        if self._verlet is None:
            integrator = velocity_verlet(self.engine.timestep_fs * FEMTOSECOND)
            self._verlet = new_context(self.potential.system, integrator, self.potential.platform, x)
        frames = Frames.empty(steps + 1, len(x))
        v = self.potential.project_velocities(x, v)
        frames.put(0, x, v, *self.potential.energy_forces(x))
        self._run(self._verlet, x, v, frames.part(slice(1, None)), 1, cost)
        return frames

    def _run(
        self, context: openmm.Context, x: np.ndarray, v: np.ndarray, frames: Frames, interval: int, cost: Cost
    ) -> tuple[np.ndarray, np.ndarray]:
        context.setPositions(x)
        context.setVelocities(v)
        context.getState(forces=True)  # the first use of a Context is slow; keep that out of the timing
        integrator, before = context.getIntegrator(), cost.step_ms
        try:
            for index in range(len(frames.potential)):
                with cost.timed(interval):
                    integrator.step(interval)
                x, v = _record(context, frames, index)
                frames.velocities[index] = self.potential.project_velocities(x, v)
        except openmm.OpenMMException as error:
            raise UserError(f"{self.potential.name}: OpenMM stopped: {error}; shorten timestep_fs") from error
        cost.force_ms += cost.step_ms - before
        return x, v


def _record(context: openmm.Context, frames: Frames, index: int) -> tuple[np.ndarray, np.ndarray]:
    state = context.getState(positions=True, velocities=True, forces=True, energy=True)
    count = frames.positions.shape[1]
    x, v, forces = (
        vectors(state, kind, count) for kind in (openmm.State.Positions, openmm.State.Velocities, openmm.State.Forces)
    )
    frames.put(index, x, v, state.getPotentialEnergy()._value, forces)
    return x, v


def velocity_verlet(dt: float) -> openmm.CustomIntegrator:
    """RATTLE (Andersen, J. Comput. Phys. 52, 24 (1983)) with `dt` in ps."""
    integrator = openmm.CustomIntegrator(dt)
    integrator.addPerDofVariable("free", 0)
    integrator.addUpdateContextState()
    integrator.addComputePerDof("v", "v + 0.5*dt*f/m")
    integrator.addComputePerDof("x", "x + dt*v")
    integrator.addComputePerDof("free", "x")
    integrator.addConstrainPositions()
    integrator.addComputePerDof("v", "v + (x - free)/dt + 0.5*dt*f/m")
    integrator.addConstrainVelocities()
    return integrator
