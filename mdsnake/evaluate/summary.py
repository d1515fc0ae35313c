"""All runs in one table."""

from collections.abc import Iterable
from pathlib import Path

from mdsnake.errors import UserError
from mdsnake.evaluate.records import Record, read_records, write_records


def summarize(files: Iterable[str | Path], out: str | Path) -> None:
    """Write the rows of all `files` to `out`, sorted.

    The same row may be in several files (controls are measured beside every member); two rows of the same run and
    metric with different values are a `UserError`.
    """
    found: dict[tuple, tuple[Record, str | Path]] = {}
    for file in files:
        for record in read_records(file):
            key = record[:8]
            if key in found and repr(found[key][0]) != repr(record):
                where = f"{file}: {record.metric} of {record.molecule}"
                raise UserError(f"{where} differs from {found[key][1]}; evaluate both again")
            found.setdefault(key, (record, file))
    write_records(out, (record for record, _ in found.values()))
