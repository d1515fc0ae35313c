"""Medians over molecules: what bars, points and tables show."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from mdsnake.evaluate.records import Record


class Spread(NamedTuple):
    """Median, lowest and highest over `n` molecules."""

    median: float
    low: float
    high: float
    n: int


def held_out(records: Sequence[Record]) -> tuple[list[Record], str]:
    """The rows of test molecules where there are any, else all, and what to call them."""
    test = [r for r in records if r.split == "test"]
    return (test, "held-out molecules") if test else (list(records), "molecules, none of them held out")


def select(records: Iterable[Record], **wanted: object) -> list[Record]:
    """The rows whose columns equal `wanted`."""
    return [r for r in records if all(getattr(r, column) == value for column, value in wanted.items())]


def spread(records: Iterable[Record], column: str = "value") -> Spread | None:
    """Over molecules, of each molecule's mean over its other rows (seeds); None where nothing is finite."""
    by_molecule = defaultdict(list)
    for record in records:
        value = getattr(record, column)
        if np.isfinite(value):
            by_molecule[record.molecule].append(value)
    if not by_molecule:
        return None
    means = [float(np.mean(values)) for values in by_molecule.values()]
    return Spread(float(np.median(means)), min(means), max(means), len(means))


def strides(records: Iterable[Record], engine: str) -> list[tuple[int, float]]:
    """The (k, stride in fs) of an engine, ascending."""
    return sorted({(r.k, r.stride_fs) for r in records if r.engine == engine})


def counted(records: Sequence[Record], kind: str) -> str:
    """`n = 2 held-out molecules, 1 seed`."""
    molecules, seeds = {r.molecule for r in records}, {r.seed for r in records}
    if len(molecules) == 1:
        kind = kind.replace("molecules", "molecule", 1)
    return f"n = {len(molecules)} {kind}, {len(seeds)} seed{'s' * (len(seeds) != 1)}"
