"""A long job as a chain of pieces on disk, so that an interruption costs one piece."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mdsnake.errors import UserError
from mdsnake.physics.potential import Potential
from mdsnake.simulate.frames import Cost, Frames
from mdsnake.store.atomic import replacing
from mdsnake.units import BOLTZMANN, kinetic_energy

#: A chunk's kinetic energy may not exceed this many times its mean; no thermal fluctuation comes near.
EXPLOSION = 20


@dataclasses.dataclass
class Chunk:
    """The frames of one piece and the state (x, v) that the next one starts from."""

    frames: Frames
    x: np.ndarray
    v: np.ndarray
    cost: Cost

    def save(self, path: Path) -> None:
        fields = dataclasses.asdict(self)
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, x=self.x, v=self.v, **fields["frames"], **fields["cost"])

    @classmethod
    def load(cls, path: Path) -> "Chunk":
        with np.load(path) as data:
            frames = Frames(*(data[field.name] for field in dataclasses.fields(Frames)))
            cost = Cost(*(data[field.name].item() for field in dataclasses.fields(Cost)))
            return cls(frames, data["x"], data["v"], cost)


def run_chain(
    folder: Path,
    first: Callable[[], Chunk],
    pieces: Sequence[Callable[[np.ndarray, np.ndarray], Chunk]],
    check: Callable[[Chunk, int], None],
    report: Callable[[int, Cost, float], None],
) -> list[Chunk]:
    """The chunks of `pieces`, each started from the end of the one before, the first from the end of `first`.

    The chunk of `first` comes first.  What is already in `folder` is read, not run again.  `check` (chunk, index)
    raises where a chunk is not sound; `report` (index, cost, wall seconds) is called after each one that was run.
    """
    chunks: list[Chunk] = []
    for index in range(len(pieces) + 1):
        path = folder / f"chunk{index:05d}.npz"
        if path.exists():
            chunks.append(Chunk.load(path))
            continue
        start = time.perf_counter()
        chunk = first() if index == 0 else pieces[index - 1](chunks[-1].x, chunks[-1].v)
        check(chunk, index)
        chunk.save(path)
        chunks.append(chunk)
        report(index, chunk.cost, time.perf_counter() - start)
    return chunks


def check_sound(chunk: Chunk, potential: Potential, temperature_K: float, when: str) -> None:
    """Raise a `UserError` where positions or energies are not finite or the molecule has flown apart."""
    velocities = np.concatenate([chunk.frames.velocities, chunk.v[None]])
    kinetic = kinetic_energy(velocities, potential.masses)
    limit = EXPLOSION * 0.5 * (potential.degrees_of_freedom + 3) * BOLTZMANN * temperature_K
    finite = np.isfinite(chunk.frames.potential).all() and np.isfinite(chunk.x).all()
    if not finite or not (kinetic < limit).all():
        raise UserError(
            f"{potential.name}: the dynamics exploded {when}; shorten timestep_fs or check the force field, charge "
            "and multiplicity"
        )
