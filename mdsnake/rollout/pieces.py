"""A roll-out in pieces on disk, so that an interruption costs one piece."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mdsnake.physics.counters import Counters
from mdsnake.physics.integrators import State
from mdsnake.store.atomic import replacing

MOST_PIECES = 20
ARRAYS = ("x", "v", "energy", "forces", "work")  # of a state, in its order


@dataclasses.dataclass
class Piece:
    """F frames of W walkers: x, v, forces (W, F, N, 3) in nm, nm/ps, kJ/mol/nm; energy and work (W, F) kJ/mol."""

    x: np.ndarray
    v: np.ndarray
    energy: np.ndarray
    forces: np.ndarray
    work: np.ndarray
    counters: Counters

    @classmethod
    def of(cls, frames: Sequence[Sequence[State]], counters: Counters) -> "Piece":
        def stacked(name: str) -> np.ndarray:
            return np.array([[getattr(state, name) for state in frame] for frame in frames]).swapaxes(0, 1)

        return cls(**{name: stacked(name) for name in ARRAYS}, counters=counters)

    def last_states(self) -> list[State]:
        ends = zip(*(getattr(self, name)[:, -1] for name in ARRAYS), strict=True)
        return [State(x, v, float(energy), forces, float(work)) for x, v, energy, forces, work in ends]


def pieces_of(frames: int) -> list[int]:
    """Frames of each piece: as even as can be, none empty."""
    return [len(part) for part in np.array_split(np.arange(frames), min(MOST_PIECES, max(frames, 1)))]


def cached(path: Path, compute: Callable[[], Piece]) -> Piece:
    """The piece in the file `path`, computed and kept there first if need be."""
    if path.exists():
        with np.load(path) as data:
            arrays = {name: data[name] for name in ARRAYS}
            return Piece(**arrays, counters=Counters(json.loads(str(data["counters"]))))
    piece = compute()
    with replacing(path) as temporary, open(temporary, "wb") as file:
        arrays = {name: getattr(piece, name) for name in ARRAYS}
        np.savez(file, **arrays, counters=json.dumps(piece.counters))
    return piece


def join(pieces: Sequence[Piece]) -> Piece:
    """Pieces one after the other, their counters added up."""
    arrays = {name: np.concatenate([getattr(piece, name) for piece in pieces], axis=1) for name in ARRAYS}
    return Piece(**arrays, counters=sum((piece.counters for piece in pieces), Counters()))
