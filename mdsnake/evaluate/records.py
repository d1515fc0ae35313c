"""Rows of the summary: one metric of one run, in long form."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mdsnake.errors import UserError
from mdsnake.inputs import read_rows
from mdsnake.store.atomic import write_text


class Record(NamedTuple):
    """A row; `floor` is the same metric between two reference replicas, NaN where there is none."""

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


COLUMNS = Record._fields
_TYPES = tuple(Record.__annotations__.values())


def write_records(path: str | Path, records: Iterable[Record]) -> None:
    """Write them sorted, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in sorted(records, key=lambda r: r[:8]):
        writer.writerow([f"{cell:.7g}" if isinstance(cell, float) else cell for cell in record])
    write_text(path, text.getvalue())


def read_records(path: str | Path) -> list[Record]:
    """The rows of a CSV written by `write_records`; an empty number is NaN.

    Raises
    ------
    UserError
        The file is missing, has other columns, or a cell that is no number where one is due.
    """
    rows, records = read_rows(path, "no such summary; run the evaluation first", COLUMNS, COLUMNS), []
    for number, row in enumerate(rows, start=1):
        try:
            cells = [kind(row[name] or "nan") for name, kind in zip(COLUMNS, _TYPES, strict=True)]
        except ValueError:
            where = f"{path}: row {number}"
            raise UserError(f"{where}: not a row of a summary; delete the file and evaluate again") from None
        records.append(Record(*cells))
    return records
