"""Commands of the package in processes of their own, struck by a fault once they have done a piece of their work."""

import contextlib
import csv
import dataclasses
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from safetensors.numpy import load_file

ROOT = Path(__file__).parents[2]
CLOCKS = ("seconds", "data_seconds")
#: Bytes from which an allocation asks the system, so that one that is short of memory notices.
ASKED = "4096"


@dataclasses.dataclass
class Job:
    """A command of the package, its scratch folder with the pieces in it, and what it writes."""

    arguments: list[str]
    work: Path
    outputs: list[Path]
    pieces: str = "piece*.npz"
    place: Path | None = None

    def newest(self) -> tuple[float, Path] | None:
        """When the newest piece was written, in seconds since the epoch, and its path."""
        found = []
        for path in self.work.glob(self.pieces):
            with contextlib.suppress(FileNotFoundError):  # a job that ends clears its folder
                found.append((path.stat().st_mtime, path))
        return max(found, default=None)


@dataclasses.dataclass
class Fault:
    """What happens to a process, and how it should end: by this status, if it can tell, and with such a last line.

    A process that is short of something works on until it asks for more: it `lingers`.
    """

    strike: Callable[[subprocess.Popen], object] | None
    status: int | None
    line: str = ""
    options: tuple[str, ...] = ()
    cuts: bool = False
    lingers: bool = False


def limited(kind: int, most: int) -> Callable[[subprocess.Popen], object]:
    return lambda process: resource.prlimit(process.pid, kind, (most, most))


FAULTS = {
    "killed": Fault(subprocess.Popen.kill, -signal.SIGKILL),
    "SIGTERM": Fault(subprocess.Popen.terminate, 143, "error: stopped from outside (SIGTERM); run it again to go on"),
    "SIGINT": Fault(lambda process: process.send_signal(signal.SIGINT), 130),
    "time budget": Fault(None, 75, "error: ", ("--time-budget", "1e-6")),
    "out of memory": Fault(limited(resource.RLIMIT_AS, 0), None, lingers=True),
    "full disk": Fault(limited(resource.RLIMIT_FSIZE, 100), 1, "error: ", lingers=True),
    "cut piece": Fault(subprocess.Popen.kill, -signal.SIGKILL, cuts=True),
}


@dataclasses.dataclass
class Run:
    """How a run of a command ended; the seconds it worked after its first piece, and those lost after its last."""

    status: int
    printed: str
    worked: float
    lost: float


def run(job: Job, fault: Fault | None = None, delay: float = 0.0) -> Run:
    """Run the command; `fault` strikes `delay` seconds after the first piece that it makes."""
    command = [sys.executable, "-m", "mdsnake", *job.arguments, *(fault.options if fault else ())]
    begun = time.time()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MALLOC_MMAP_THRESHOLD_": ASKED}
    options = {"cwd": job.place, "env": environment, "start_new_session": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options) as process:
        try:
            first, stopped = _first_piece(job, process, begun), 0.0
            if fault and fault.strike:
                assert process.poll() is None, f"ended before the fault could strike: {process.communicate()[0]}"
                time.sleep(delay)
                stopped = time.time()
                fault.strike(process)
            printed, _ = process.communicate(timeout=300)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    end, newest = time.time(), job.newest()
    if fault and fault.cuts and newest:
        path = newest[1]
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        os.utime(path, (0, 0))
        newest = job.newest()
    stopped = end if fault and fault.lingers else stopped
    return Run(process.returncode, printed, end - first, max(0.0, stopped - newest[0]) if newest else 0.0)


def _first_piece(job: Job, process: subprocess.Popen, begun: float) -> float:
    """When this run had made its first piece, or had ended without."""
    while process.poll() is None:
        newest = job.newest()
        if newest and newest[0] > begun:
            return newest[0]
        time.sleep(0.002)
    return time.time()


def ends_as(fault: Fault, done: Run) -> bool:
    """Whether a run ended as its fault lets it: with its status and line, and no traceback where it could help it."""
    if fault.status is None:
        return done.status != 0
    told = (done.printed.splitlines() or [""])[-1].startswith(fault.line) and "Traceback" not in done.printed
    return done.status == fault.status and told


def contents(path: Path) -> dict[str, Any]:
    """What must not differ between a file and the same made without an interruption: all but clocks and addresses."""
    if path.suffix == ".safetensors":
        return {name: value.tobytes() for name, value in load_file(path).items()}
    if path.suffix == ".csv":
        with open(path, newline="") as table:
            rows = list(csv.DictReader(table))
        return {"rows": [{name: cell for name, cell in row.items() if name not in CLOCKS} for row in rows]}
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: _bytes(item)}))
    return found


def _bytes(item: Any) -> bytes | None:
    return np.asarray(item[()]).tobytes() if isinstance(item, h5py.Dataset) else None
