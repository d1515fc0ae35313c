"""The README's two commands on a fresh clone of this repository: minutes and peak memory.

python benchmarks/fresh_clone.py --out benchmarks/results/fresh_clone.json
"""

import argparse
import os
import resource
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from record import record, write

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--keep", type=Path, help="clone to here and leave it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        clone = arguments.keep or Path(scratch) / "mdsnake"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        records = measured(clone, "set-up", ["make", ".venv/installed"])
        records += measured(clone, "make run", ["make", "run"], most_minutes=15, most_gib=4)
        records += measured(clone, "make test", ["make", "test"], most_minutes=35)
    write(arguments.out, records)


def measured(
    clone: Path, name: str, command: list[str], most_minutes: float | None = None, most_gib: float | None = None
) -> list[dict[str, Any]]:
    """Wall-clock minutes, processor minutes and peak resident memory of all processes of `command`."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS")}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, cwd=clone, env=environment, start_new_session=True)
    peak = Peak(process.pid)
    status = process.wait()
    minutes, after = (time.monotonic() - start) / 60, resource.getrusage(resource.RUSAGE_CHILDREN)
    gib = peak.stop()
    used = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 60
    system = "fresh clone"
    return [
        record(system, name, "", "exit status", "1", status, n=1, mark="0", met=status == 0),
        record(system, name, "", "wall clock", "min", minutes, n=1, **at_most(minutes, most_minutes)),
        record(system, name, "", "processor time", "min", used, n=1),
        record(system, name, "", "peak memory", "GiB", gib, n=1, **at_most(gib, most_gib)),
    ]


def at_most(value: float, limit: float | None) -> dict[str, Any]:
    """The mark of a record that should stay under `limit`."""
    return {} if limit is None else {"mark": f"≤ {limit:g}", "met": value <= limit}


class Peak:
    """The largest sum of resident memory, sampled each half second, of the processes of a session; Linux only."""

    def __init__(self, session: int) -> None:
        self.session, self.most, self.running = session, 0.0, True
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        page = os.sysconf("SC_PAGE_SIZE")
        while self.running:
            total = 0
            for stat in Path("/proc").glob("[0-9]*/stat"):
                try:
                    fields = stat.read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if int(fields[3]) == self.session:
                    total += int(fields[21]) * page
            self.most = max(self.most, total / 2**30)
            time.sleep(0.5)

    def stop(self) -> float:
        self.running = False
        self.thread.join()
        return self.most


if __name__ == "__main__":
    main()
