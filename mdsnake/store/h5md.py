"""Trajectories as H5MD files (de Buyl et al., Comput. Phys. Commun. 185, 1546 (2014), version 1.1).

A file is a series of *segments*: a replica is one, a set of NVE bursts or of walkers is many.
Frames follow each other within a segment only; `observables/segment` tells which frame is in which.

A digest of what follows stands in the first 512 bytes, which HDF5 leaves to the user: HDF5's library can hang or crash
on a damaged file, so a file is compared with its digest before the library sees it.
"""

import dataclasses
import getpass
import hashlib
import io
import itertools
import json
import platform
import subprocess
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mdsnake import __version__
from mdsnake.errors import UserError
from mdsnake.inputs import parse_json
from mdsnake.store.atomic import replacing
from mdsnake.units import BOLTZMANN, kinetic_energy

UNITS = {"position": "nm", "velocity": "nm ps-1", "force": "kJ mol-1 nm-1", "time": "ps"}
OBSERVABLE_UNITS = {
    "potential_energy": "kJ mol-1",
    "kinetic_energy": "kJ mol-1",
    "temperature": "K",
    "segment": "1",
    "energy_error": "kJ mol-1",
    "jumps": "1",
}
Dataset = tuple[str, str, str | None, str]
#: What is read: place, kind of number, unit, and shape in frames F and atoms N.
DATASETS: dict[str, Dataset] = {
    "numbers": ("particles/trajectory/species", "integer", None, "N"),
    "masses": ("particles/trajectory/mass", "floating", "Da", "N"),
    "positions": ("particles/trajectory/position/value", "floating", UNITS["position"], "FN3"),
    "velocities": ("particles/trajectory/velocity/value", "floating", UNITS["velocity"], "FN3"),
    "forces": ("particles/trajectory/force/value", "floating", UNITS["force"], "FN3"),
    "potential": ("observables/potential_energy/value", "floating", OBSERVABLE_UNITS["potential_energy"], "F"),
    "segment": ("observables/segment/value", "integer", OBSERVABLE_UNITS["segment"], "F"),
}
#: The same, of runs with a Metropolis test alone.
STREAMS: dict[str, Dataset] = {
    "energy_error": ("observables/energy_error/value", "floating", OBSERVABLE_UNITS["energy_error"], "F"),
    "jumps": ("observables/jumps/value", "integer", OBSERVABLE_UNITS["jumps"], "F"),
}
DIGEST_BLOCK = 512
DIGEST_MARK = b"mdsnake sha256 "
#: No filter of HDF5 packs numbers tighter; more is a size that is claimed and not there.
MOST_PACKED = 1100


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
    energy_error : (F,) kJ/mol, ΔH of the first jump proposed on the way to a frame; None without a Metropolis test
    jumps : (F,) jumps that lie between a frame and the one before: 1 where the first was taken, more where it was tried
        on, 0 where the walker turned round; None without a Metropolis test
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
    energy_error: np.ndarray | None = None
    jumps: np.ndarray | None = None

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
        return self.pace * self.frame_ps * (self.n_frames - len(np.unique(self.segment)))

    @property
    def pace(self) -> float:
        """Times `frame_ps`, the mean time that passes from frame to frame: more than 1 where jumps were tried on."""
        return 1.0 if self.jumps is None else float(np.maximum(self.jumps, 1).mean())

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
            energy_error=None if self.energy_error is None else self.energy_error[frames],
            jumps=None if self.jumps is None else self.jumps[frames],
        )

    def check(self, numbers: Sequence[int], path: str | Path, frame_fs: float | None = None) -> None:
        """`UserError` unless these are the atoms, and frames of a segment `frame_fs` apart, where that is given."""
        if self.numbers.tolist() != list(numbers):
            raise UserError(f"{path}: its atoms are not those of graph.json; delete it and simulate the molecule again")
        if frame_fs is not None and abs(self.frame_ps * 1e3 - frame_fs) > 1e-6:
            found = f"its frames are {self.frame_ps * 1e3:g} fs apart, the windows need {frame_fs:g}"
            raise UserError(f"{path}: {found}; simulate it again")

    def save(self, path: str | Path) -> None:
        """Write the file atomically, with a unit on every dataset."""
        memory = io.BytesIO()  # on a full disk HDF5 itself crashes
        with h5py.File(memory, "w", userblock_size=DIGEST_BLOCK) as file:
            self._write_header(file)
            self._write_frames(file)
        with replacing(path) as temporary:
            temporary.write_bytes(memory.getbuffer())
            sign(temporary)

    def _write_frames(self, file: h5py.File) -> None:
        particles = file.create_group("particles/trajectory")
        particles.create_group("box").attrs.update({"dimension": 3, "boundary": [b"none"] * 3})
        particles["species"] = self.numbers.astype(np.int32)
        particles["mass"] = self.masses.astype(float)
        particles["mass"].attrs["unit"] = "Da"
        clock = file["parameters/mdsnake"]
        clock["step"] = np.arange(self.n_frames)
        clock["time"] = np.arange(self.n_frames) * self.frame_ps
        clock["time"].attrs["unit"] = UNITS["time"]
        for name, values in [("position", self.positions), ("velocity", self.velocities), ("force", self.forces)]:
            _element(particles, name, values.astype(np.float32), UNITS[name], clock)
        observables = file.create_group("observables")
        of_frames = {
            "potential_energy": self.potential,
            "kinetic_energy": self.kinetic,
            "temperature": self.temperature,
            "segment": self.segment.astype(np.int32),
        }
        if self.energy_error is not None and self.jumps is not None:
            of_frames |= {"energy_error": self.energy_error.astype(np.float32), "jumps": self.jumps.astype("i1")}
        for name, values in of_frames.items():
            _element(observables, name, values, OBSERVABLE_UNITS[name], clock)

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
    def load(cls, path: str | Path, finite: bool = True) -> "Trajectory":
        """Read a file written by `save`; one that is missing, damaged or foreign is a `UserError`.

        So is one whose numbers are not all finite, unless not asked to be `finite`: a propagator may explode.
        """
        if not Path(path).is_file():
            raise UserError(f"{path}: no such trajectory; simulate it first")
        broken = f"{path}: truncated or not an mdsnake trajectory; delete it and run again"
        if not _is_as_signed(path):
            raise UserError(broken)
        try:
            with h5py.File(path, "r") as file:
                trajectory = cls._read(file, path, finite)
        except UserError:
            raise
        except Exception as error:  # whatever HDF5 meets in a file that is none, or lacks what `save` writes
            raise UserError(broken) from error
        if not (trajectory.frame_ps > 0 and trajectory.degrees_of_freedom > 0 and (trajectory.masses > 0).all()):
            raise UserError(f"{path}: frame_ps, degrees_of_freedom or a mass is not positive; delete it and run again")
        if (np.diff(trajectory.segment) < 0).any():
            raise UserError(f"{path}: segment: its numbers do not rise; delete it and run again")
        return trajectory

    @classmethod
    def _read(cls, file: h5py.File, path: str | Path, finite: bool) -> "Trajectory":
        own = _own(file, "parameters/mdsnake", path).attrs
        maker = _own(file, "h5md/creator", path).attrs["name"]
        if maker != "mdsnake":
            raise UserError(f"{path}: written by {maker!r}, not by mdsnake; simulate the molecule here")
        there = set(_own(file, "observables", path))
        told = DATASETS | {name: stream for name, stream in STREAMS.items() if name in there}
        sizes = {"F": int(own["n_frames"]), "N": len(_own(file, DATASETS["numbers"][0], path)), "3": 3}
        return cls(
            **{name: _values(file, *of, sizes, path, finite) for name, of in told.items()},
            frame_ps=float(own["frame_ps"]),
            degrees_of_freedom=int(own["degrees_of_freedom"]),
            provenance=parse_json(dict[str, Any], own["provenance"], f"{path}: provenance"),
            counters=parse_json(dict[str, float], own["counters"], f"{path}: counters"),
        )


def _own(file: h5py.File, place: str, path: str | Path) -> h5py.Group | h5py.Dataset:
    """What lies at `place` in the file itself: a link is not followed."""
    node = file
    for name in place.split("/"):
        if not isinstance(node.get(name, getlink=True), h5py.HardLink):
            raise UserError(f"{path}: {place}: not there, or a link; delete the file and run again")
        node = node[name]
    return node


def _values(
    file: h5py.File,
    place: str,
    kind: str,
    unit: str | None,
    axes: str,
    sizes: dict[str, int],
    path: str | Path,
    finite: bool,
) -> np.ndarray:
    """The numbers at `place`, all there, and finite if asked."""
    where, node = f"{path}: {place}", _own(file, place, path)
    if node.external or node.is_virtual:
        raise UserError(f"{where}: kept in another file; delete the file and run again")
    if unit is not None and node.attrs["unit"] != unit:
        raise UserError(f"{where}: the unit is {node.attrs['unit']!r}, expected {unit!r}; convert the file first")
    if not np.issubdtype(node.dtype, getattr(np, kind)):
        raise UserError(f"{where}: holds {node.dtype}, expected {kind} numbers; delete the file and run again")
    expected = tuple(sizes[axis] for axis in axes)
    if node.shape != expected or 0 in expected:
        told = f"of shape {node.shape}, expected {expected} by its frames and atoms"
        raise UserError(f"{where}: {told}; delete the file and run again")
    if node.nbytes > MOST_PACKED * node.id.get_storage_size():
        raise UserError(f"{where}: truncated: its numbers are not there; delete the file and run again")
    values = node[:]
    if finite and not np.isfinite(values).all():
        raise UserError(f"{where}: not all numbers are finite; delete the file, shorten the time step and run again")
    return values


def sign(path: str | Path) -> None:
    """Write the digest of the file into its first block."""
    digest = _digest(path)
    with open(path, "r+b") as file:
        file.write(DIGEST_MARK + digest)


def _is_as_signed(path: str | Path) -> bool:
    """Whether the file equals its digest, or has none."""
    with open(path, "rb") as file:
        mark, digest = file.read(len(DIGEST_MARK)), file.read(64)
    return mark != DIGEST_MARK or digest == _digest(path)


def _digest(path: str | Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(DIGEST_BLOCK)
        return hashlib.file_digest(file, "sha256").hexdigest().encode()


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


def _element(group: h5py.Group, name: str, values: np.ndarray, unit: str, clock: h5py.Group) -> None:
    """Write `values` of all frames; their steps and times are links to those in `clock`, as H5MD has it."""
    element = group.create_group(name)
    element.create_dataset("value", data=values).attrs["unit"] = unit
    element["step"] = clock["step"]
    element["time"] = clock["time"]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
