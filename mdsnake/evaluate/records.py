"""Rows of a summary: one metric of one run, in long form."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mdsnake.errors import UserError
from mdsnake.inputs import read_rows
from mdsnake.store.atomic import write_text


class Record(NamedTuple):
    """A row of jumps of molecules; `floor` is the same metric between two reference replicas, NaN where there is
    none."""

    molecule: str
    split: str
    engine: str
    member: str
    k: int
    stride_fs: float
    seed: int
    metric: str
    value: float
    floor: float
    n: int
    unit: str


class Score(NamedTuple):
    """A row of a trajectory model; `how` is what was judged: `prediction`, or walkers `sampled` or `deterministic`."""

    system: str
    member: str
    how: str
    seed: int
    metric: str
    value: float
    floor: float
    n: int
    unit: str


COLUMNS = Record._fields
R = TypeVar("R", Record, Score)
NO_SUMMARY = "no such summary; run the evaluation first"


def key(record: Record | Score) -> tuple:
    """What tells a row from all others of its kind: the columns up to its value."""
    return record[: record._fields.index("value")]


def write_records(path: str | Path, records: Iterable[R], kind: type[R] = Record) -> None:  # type: ignore[assignment]
    """Write them sorted, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kind._fields)
    for record in sorted(records, key=key):
        writer.writerow([f"{cell:.7g}" if isinstance(cell, float) else cell for cell in record])
    write_text(path, text.getvalue())


def read_records(path: str | Path, kind: type[R] = Record) -> list[R]:  # type: ignore[assignment]
    """The rows of a CSV written by `write_records`; an empty number is NaN.

    Raises
    ------
    UserError
        The file is missing, has other columns, or a cell that is no number where one is due.
    """
    columns: Sequence[str] = kind._fields
    rows, records = read_rows(path, NO_SUMMARY, columns, columns), []
    types: list[Any] = list(kind.__annotations__.values())
    for number, row in enumerate(rows, start=1):
        try:
            cells = [of(row[name] or "nan") for name, of in zip(columns, types, strict=True)]
        except ValueError:
            where = f"{path}: row {number}"
            raise UserError(f"{where}: not a row of a summary; delete the file and evaluate again") from None
        records.append(kind(*cells))
    return records
