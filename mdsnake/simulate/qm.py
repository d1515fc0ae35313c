"""Quantum-chemical dynamics by ASE."""

from pathlib import Path

import numpy as np
from ase.md.langevin import Langevin
from ase.md.md import MolecularDynamics
from ase.md.verlet import VelocityVerlet

from mdsnake import units
from mdsnake.config import PlainEngine
from mdsnake.physics.ase import ASEPotential
from mdsnake.simulate.frames import Cost, Frames


class QMDynamics:
    """`Dynamics` of an ASE calculator; every call starts from a fresh wavefunction, so none depends on an earlier one.

    ASE's own `fixcm` is off, since it does not sample the canonical distribution; the centre of mass is thermostatted
    with the rest and taken off the frames.
    """

    def __init__(self, prepared: Path, engine: PlainEngine) -> None:
        self.potential = ASEPotential.open(prepared, engine)
        self.engine = engine
        self.timestep = engine.timestep_fs * units.FEMTOSECOND / units.ASE_TIME

    def nvt(
        self, x: np.ndarray, v: np.ndarray, seed: int, n_frames: int, interval: int, cost: Cost
    ) -> tuple[Frames, np.ndarray, np.ndarray]:
        self._place(x, v)
        dynamics = Langevin(
            self.potential.atoms,
            self.timestep,
            friction=self.engine.friction_per_ps * units.ASE_TIME,
            temperature_K=self.engine.temperature_K,
            fixcm=False,
            rng=np.random.default_rng(seed),
        )
        frames = Frames.empty(n_frames, len(x))
        x, v = self._run(dynamics, frames, interval, cost)
        return frames, x, v

    def nve(self, x: np.ndarray, v: np.ndarray, steps: int, cost: Cost) -> Frames:
        self._place(x, v)
        frames = Frames.empty(steps + 1, len(x))
        frames.put(0, x, v, *self.potential.current())
        self._run(VelocityVerlet(self.potential.atoms, self.timestep), frames.part(slice(1, None)), 1, cost)
        return frames

    def _place(self, x: np.ndarray, v: np.ndarray) -> None:
        self.potential.reset()
        self.potential.atoms.positions = x / units.ANGSTROM
        self.potential.atoms.set_velocities(units.to_ase_velocities(v))

    def _run(
        self, dynamics: MolecularDynamics, frames: Frames, interval: int, cost: Cost
    ) -> tuple[np.ndarray, np.ndarray]:
        atoms = self.potential.atoms
        self.potential.current()  # the forces at the start belong to no step
        before = self.potential.calls.force_ms
        for index in range(len(frames.potential)):
            with cost.timed(interval):
                dynamics.run(interval)
            x, v = atoms.positions * units.ANGSTROM, units.from_ase_velocities(atoms.get_velocities())
            frames.put(index, x, v, *self.potential.current())
        cost.force_ms += self.potential.calls.force_ms - before
        return x, v
