"""All runs in one table."""

from collections.abc import Iterable
from pathlib import Path

from mdsnake.errors import UserError
from mdsnake.evaluate.records import R, Record, Score, key, read_records, write_records


def summarize(files: Iterable[str | Path], out: str | Path, kind: type[R] = Record) -> None:  # type: ignore[assignment]
    """Write the rows of all `files`, which are of one `kind`, to `out`, sorted.

    The same row may be in several files (controls are measured beside every member); two rows of the same run and
    metric with different values are a `UserError`.
    """
    found: dict[tuple, tuple[R, str | Path]] = {}
    for file in files:
        for record in read_records(file, kind):
            known = found.get(key(record))
            if known and repr(known[0]) != repr(record):
                where = f"{file}: {record.metric} of {record[0]}"
                raise UserError(f"{where} differs from {known[1]}; evaluate both again")
            found.setdefault(key(record), (record, file))
    write_records(out, (record for record, _ in found.values()), kind)


def summarize_scores(files: Iterable[str | Path], out: str | Path) -> None:
    """As `summarize`, of trajectory models."""
    summarize(files, out, Score)
