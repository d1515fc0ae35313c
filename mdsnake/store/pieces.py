"""A long job as a chain of pieces on disk, so that an interruption costs one piece."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mdsnake.store.atomic import replacing
from mdsnake.store.budget import Budget
from mdsnake.store.work import is_whole


class Piece(NamedTuple):
    """Named arrays and counts: what a piece of the job found, and the state that the next one starts from."""

    arrays: dict[str, np.ndarray]
    counters: dict[str, float]

    def save(self, path: Path) -> None:
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **self.arrays, counters=json.dumps(self.counters))  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "Piece":
        with np.load(path) as data:
            counters = json.loads(str(data["counters"]))
            return cls({name: data[name] for name in data.files if name != "counters"}, counters)


def run_pieces(
    folder: Path,
    makers: Sequence[Callable[[Piece | None], Piece]],
    report: Callable[[int, Piece, float], None],
    budget: Budget | None = None,
) -> list[Piece]:
    """The pieces that `makers` make, each from the one before, the first from nothing.

    What lies whole in `folder` is read, not made again.  `report` (index, piece, wall seconds) is called after each
    one that was made.  Raises `OutOfTime` where the next would not fit into the budget.
    """
    budget = budget or Budget()
    pieces: list[Piece] = []
    made = 0
    for index, make in enumerate(makers):
        path = folder / f"piece{index:05d}.npz"
        if not made and is_whole(path, "counters.npy"):
            pieces.append(Piece.load(path))
            continue
        if not made and index:
            print(f"{folder}: going on at {100 * index / len(makers):.0f} %", flush=True)
        budget.begin(folder, index / len(makers))
        start = time.perf_counter()
        piece = make(pieces[-1] if pieces else None)
        piece.save(path)
        budget.end()
        pieces.append(piece)
        made += 1
        report(index, piece, time.perf_counter() - start)
    return pieces


def join(pieces: Sequence[Piece], axis: int = 0) -> Piece:
    """Arrays one after the other along `axis`, counts added up."""
    arrays = {name: np.concatenate([p.arrays[name] for p in pieces], axis) for name in pieces[0].arrays}
    names = {name for piece in pieces for name in piece.counters}
    return Piece(arrays, {name: sum(p.counters.get(name, 0.0) for p in pieces) for name in sorted(names)})
