"""The wall clock that a job may take: it stops between two pieces before a batch system stops it inside one."""

import math
import time
from pathlib import Path

from mdsnake.errors import OutOfTime, UserError


class Budget:
    """Minutes from now on; whether another piece of work fits in goes by the longest so far."""

    def __init__(self, minutes: float | None = None) -> None:
        self.seconds = math.inf if minutes is None else 60 * minutes
        if not self.seconds > 0:
            raise UserError(f"--time-budget: {minutes:g}: no time at all; give the job minutes to work in")
        self._end = time.monotonic() + self.seconds
        self._longest = 0.0
        self._begun: float | None = None

    def begin(self, path: Path, share: float) -> None:
        """A piece begins after `share` of the job in `path`; `OutOfTime` if it would end too late.

        The first piece of a run may always begin, so that every run gets on.
        """
        self._begun = time.monotonic()
        if not self._longest or self._begun + self._longest <= self._end:
            return
        stopped = f"{path}: stopped by the time budget at {100 * share:.0f} %"
        if self._longest > self.seconds:
            more = f"{self._longest / 60:.2g} min, more than the budget of {self.seconds / 60:.2g}; raise it and"
            raise OutOfTime(f"{stopped}: a piece of the job takes {more} run it again to go on")
        raise OutOfTime(f"{stopped}; run it again to go on")

    def end(self) -> None:
        """The piece is on disk."""
        if self._begun is not None:
            self._longest = max(self._longest, time.monotonic() - self._begun)
