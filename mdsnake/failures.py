"""Jobs that failed: why, which molecules that stops, and the table that the next run may leave them out by."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mdsnake.inputs import read_rows
from mdsnake.store.atomic import replacing

LAST_LINES = 3


class Failure(NamedTuple):
    """A failed job; `molecule` and `engine` are empty where it has none.

    `identity` changes with the inputs of the molecule, so that one that was mended is tried again.
    """

    molecule: str
    engine: str
    rule: str
    job: str
    reason: str
    log: str
    output: str
    identity: str


def reason_of(log: str | Path) -> str:
    """The job's own last `error:` line, or how its log ends and what that may mean."""
    path = Path(log)
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    lines = [" ".join(word for word in line.split() if word.isprintable()) for line in lines if line.strip()]
    told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if told:
        return told[-1]
    if lines and lines[-1].partition(":")[0].endswith(("Error", "Exception")):
        return f"{lines[-1]}; a fault of the program, whose traceback is in the log"
    ended = "its log is empty" if not lines else f"its log ends: {' | '.join(lines[-LAST_LINES:])}"
    return f"it was ended from outside (memory, time limit or by hand) and goes on when run again; {ended}"


def read_failures(path: str | Path) -> list[Failure]:
    """The rows of the table, none where there is no file; `UserError` where it is another table."""
    if not Path(path).exists():
        return []
    return [Failure(**row) for row in read_rows(path, "no such table", Failure._fields, Failure._fields)]


def update_failures(path: str | Path, failures: Iterable[Failure]) -> None:
    """Add the failed jobs of molecules to the table, and take out those whose output has been made since."""
    before = read_failures(path)
    rows = {row.output: row for row in [*before, *failures] if row.molecule and not Path(row.output).exists()}
    after = sorted(rows.values())
    if after == before:
        return
    with replacing(path) as temporary, open(temporary, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([Failure._fields, *after])


def told(failures: Iterable[Failure], path: str | Path) -> str:
    """What a user reads at the end of a run: each failed job, its molecule, its reason, and what to do."""
    failures = sorted(failures)
    what = "1 job failed; all that does not need it" if len(failures) == 1 else f"{len(failures)} jobs failed; all else"
    lines = [f"{what} is done."]
    for failure in failures:
        lines += [f"  {failure.job}: {failure.reason}", f"    {failure.log}"]
    lines.append("Mend the cause and run again: what is done stays, and long jobs go on where they stopped.")
    molecules = {failure.molecule for failure in failures} - {""}
    if molecules:
        lines.append(
            f"To go on without {', '.join(sorted(molecules)[:3])}{' …' * (len(molecules) > 3)} ({path}): "
            "--config exclude_failed=true"
        )
    return "\n".join(lines)
