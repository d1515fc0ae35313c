"""What a malformed input is, and what becomes of a command that is given it."""

import contextlib
import io
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from mdsnake import cli
from tests.malformed.good import Good

Arguments = list[str | Path]
#: Writes a bad file, from the good one.
Change = Callable[[Path, Path], object]


class Kind(NamedTuple):
    """A kind of input.

    Attributes
    ----------
    good : the field of `Good` that bad ones are made from, and are called like
    command : arguments of `mdsnake`, from the good inputs, the bad file and a folder to write to
    cases : name → change and words that the message must have
    named : what the message must name instead of the bad file
    """

    good: str
    command: Callable[[Good, Path, Path], Arguments]
    cases: dict[str, tuple[Change, str]]
    named: str = ""


class Outcome(NamedTuple):
    status: int
    stderr: str

    @property
    def errors(self) -> list[str]:
        return [line for line in self.stderr.splitlines() if line.startswith("error: ")]


def tell(arguments: Arguments) -> Outcome:
    """What `mdsnake ARGUMENTS` ends with, run in this process."""
    stderr, on_terminate = io.StringIO(), signal.getsignal(signal.SIGTERM)
    with (
        mock.patch.object(sys, "argv", ["mdsnake", *map(str, arguments)]),
        mock.patch.object(sys, "unraisablehook", sys.unraisablehook),
        contextlib.redirect_stderr(stderr),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        try:
            cli.main()
            status = 0
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
            if isinstance(leaving.code, str):
                print(leaving.code, file=stderr)  # as the interpreter does
        except BaseException:
            status = 1
            traceback.print_exc(file=stderr)
        finally:
            signal.signal(signal.SIGTERM, on_terminate)
    return Outcome(status, stderr.getvalue())


def run(arguments: Arguments) -> Outcome:
    """The same in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "mdsnake", *map(str, arguments)],
        capture_output=True, text=True, errors="replace", check=False, timeout=600,
    )  # fmt: skip
    return Outcome(done.returncode, done.stderr)


def faults(outcome: Outcome, name: str, words: str, new: set[Path]) -> list[str]:
    """In what `outcome` falls short of one clear line that names the file, and of leaving nothing behind."""
    found = []
    if outcome.status == 0:
        found.append("was accepted")
    if "Traceback" in outcome.stderr or len(outcome.errors) != 1:
        found.append("did not end with one line `error: `")
    line = outcome.errors[0] if outcome.errors else ""
    if any(other != line and "dropped: " not in other for other in outcome.stderr.splitlines()):
        found.append("printed more")
    if name not in line:
        found.append(f"does not name {name!r}")
    if words not in line:
        found.append(f"does not say {words!r}")
    if new:
        found.append(f"left {sorted(path.name for path in new)}")
    return found


@contextlib.contextmanager
def watching(folder: Path) -> Iterator[set[Path]]:
    """Whatever appears in `folder` meanwhile."""
    before, new = set(folder.rglob("*")), set()
    yield new
    new |= set(folder.rglob("*")) - before
