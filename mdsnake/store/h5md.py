"""Trajectories as H5MD files (de Buyl et al., Comput. Phys. Commun. 185, 1546 (2014), version 1.1).

A file is a series of *segments*: a replica is one, a set of NVE bursts or of walkers is many.
Frames follow each other within a segment only; `observables/segment` tells which frame is in which.
"""

import dataclasses
import getpass
import itertools
import json
import platform
import subprocess
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mdsnake import __version__
from mdsnake.errors import UserError
from mdsnake.store.atomic import replacing
from mdsnake.units import BOLTZMANN, kinetic_energy

UNITS = {"position": "nm", "velocity": "nm ps-1", "force": "kJ mol-1 nm-1", "time": "ps"}
OBSERVABLE_UNITS = {"potential_energy": "kJ mol-1", "kinetic_energy": "kJ mol-1", "temperature": "K"}


@dataclasses.dataclass
class Trajectory:
    """F frames of N atoms.

    Attributes
    ----------
    numbers : (N,) atomic numbers
    masses : (N,) Da
    positions : (F, N, 3) nm
    velocities : (F, N, 3) nm/ps
    forces : (F, N, 3) kJ/mol/nm
    potential : (F,) kJ/mol
    segment : (F,) index of the segment that a frame belongs to
    frame_ps : time between two frames of a segment, ps
    degrees_of_freedom : of the momenta (constraints and removed motion taken off)
    provenance : settings, seed, versions; written as JSON
    counters : force, energy and network calls, milliseconds of each, rejections by reason
    """

    numbers: np.ndarray
    masses: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray
    forces: np.ndarray
    potential: np.ndarray
    segment: np.ndarray
    frame_ps: float
    degrees_of_freedom: int
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    counters: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def n_frames(self) -> int:
        return len(self.positions)

    @cached_property
    def kinetic(self) -> np.ndarray:
        """Kinetic energy, (F,) kJ/mol."""
        return kinetic_energy(self.velocities.astype(float), self.masses)

    @property
    def temperature(self) -> np.ndarray:
        """Instantaneous temperature, (F,) K."""
        return 2 * self.kinetic / (self.degrees_of_freedom * BOLTZMANN)

    @property
    def simulated_ps(self) -> float:
        """Time covered, summed over segments."""
        return self.frame_ps * (self.n_frames - len(np.unique(self.segment)))

    def segments(self) -> Iterator[slice]:
        """Frame ranges of the segments, in order."""
        edges = np.flatnonzero(np.diff(self.segment)) + 1
        bounds = [0, *edges.tolist(), self.n_frames]
        for start, stop in itertools.pairwise(bounds):
            yield slice(start, stop)

    def every(self, interval: int) -> "Trajectory":
        """Each `interval`-th frame of each segment, starting with its first."""
        keep = np.concatenate([np.arange(s.start, s.stop, interval) for s in self.segments()])
        return dataclasses.replace(self.select(keep, self.segment[keep]), frame_ps=self.frame_ps * interval)

    def select(self, frames: np.ndarray, segment: np.ndarray) -> "Trajectory":
        """The frames of these indices, in the segments that are given for each."""
        return dataclasses.replace(
            self,
            positions=self.positions[frames],
            velocities=self.velocities[frames],
            forces=self.forces[frames],
            potential=self.potential[frames],
            segment=segment,
        )

    def save(self, path: str | Path) -> None:
        """Write the file atomically, with a unit on every dataset."""
        with replacing(path) as temporary, h5py.File(temporary, "w") as file:
            self._write_header(file)
            particles = file.create_group("particles/trajectory")
            particles.create_group("box").attrs.update({"dimension": 3, "boundary": [b"none"] * 3})
            particles["species"] = self.numbers.astype(np.int32)
            particles["mass"] = self.masses
            particles["mass"].attrs["unit"] = "Da"
            steps = np.arange(self.n_frames)
            times = steps * self.frame_ps
            for name, values in [("position", self.positions), ("velocity", self.velocities), ("force", self.forces)]:
                _element(particles, name, values.astype(np.float32), UNITS[name], steps, times)
            observables = file.create_group("observables")
            for name, values in [
                ("potential_energy", self.potential),
                ("kinetic_energy", self.kinetic),
                ("temperature", self.temperature),
            ]:
                _element(observables, name, values, OBSERVABLE_UNITS[name], steps, times)
            _element(observables, "segment", self.segment.astype(np.int32), "1", steps, times)

    def _write_header(self, file: h5py.File) -> None:
        header = file.create_group("h5md")
        header.attrs["version"] = [1, 1]
        header.create_group("author").attrs["name"] = _user()
        header.create_group("creator").attrs.update({"name": "mdsnake", "version": __version__})
        own = file.create_group("parameters/mdsnake")
        own.attrs["frame_ps"] = self.frame_ps
        own.attrs["degrees_of_freedom"] = self.degrees_of_freedom
        own.attrs["n_frames"] = self.n_frames
        own.attrs["provenance"] = json.dumps(self.provenance)
        own.attrs["counters"] = json.dumps(self.counters)

    @classmethod
    def load(cls, path: str | Path) -> "Trajectory":
        """Read a file written by `save`; one that is missing, truncated or foreign is a `UserError`."""
        if not Path(path).is_file():
            raise UserError(f"{path}: no such trajectory; simulate it first")
        try:
            with h5py.File(path, "r") as file:
                own, particles = file["parameters/mdsnake"].attrs, file["particles/trajectory"]
                _check_units(particles, path)
                trajectory = cls(
                    numbers=particles["species"][:],
                    masses=particles["mass"][:],
                    positions=particles["position/value"][:],
                    velocities=particles["velocity/value"][:],
                    forces=particles["force/value"][:],
                    potential=file["observables/potential_energy/value"][:],
                    segment=file["observables/segment/value"][:],
                    frame_ps=float(own["frame_ps"]),
                    degrees_of_freedom=int(own["degrees_of_freedom"]),
                    provenance=json.loads(own["provenance"]),
                    counters=json.loads(own["counters"]),
                )
                expected = int(own["n_frames"])
        except (OSError, KeyError, ValueError) as error:
            raise UserError(f"{path}: truncated or not an mdsnake trajectory; delete it and run again") from error
        lengths = {len(trajectory.positions), len(trajectory.potential), len(trajectory.segment), expected}
        if len(lengths) > 1:
            raise UserError(f"{path}: truncated: {min(lengths)} of {max(lengths)} frames; delete it and run again")
        return trajectory


def provenance(**more: Any) -> dict[str, Any]:
    """What a file must tell of its making: versions, machine, git commit, and `more` (settings above all)."""
    return {
        "mdsnake": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "git_commit": git_commit(),
        **more,
    }


def git_commit() -> str:
    """The commit this package is run from, `unknown` outside a checkout."""
    run = subprocess.run(
        ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return run.stdout.strip() or "unknown"


def _element(group: h5py.Group, name: str, values: np.ndarray, unit: str, steps: np.ndarray, times: np.ndarray) -> None:
    element = group.create_group(name)
    element.create_dataset("value", data=values).attrs["unit"] = unit
    element["step"] = steps
    element["time"] = times
    element["time"].attrs["unit"] = UNITS["time"]


def _check_units(particles: h5py.Group, path: str | Path) -> None:
    for name in ("position", "velocity", "force"):
        unit = particles[f"{name}/value"].attrs["unit"]
        if unit != UNITS[name]:
            raise UserError(f"{path}: {name} is in {unit!r}, expected {UNITS[name]!r}; convert the file first")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
