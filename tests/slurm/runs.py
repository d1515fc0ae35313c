"""Snakemake on the cluster: a process that is watched, with a hard limit on its time."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.slurm.cluster import output, wait_until

ROOT = Path(__file__).parents[2]
LIMIT = 540


class Run:
    """`snakemake --profile slurm ARGS` in a folder; the limit interrupts it, so that it cancels its jobs."""

    def __init__(self, folder: Path, *args: str, profile: str = str(ROOT / "slurm"), limit: int = LIMIT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.log = folder, folder / "snakemake.out"
        command = ["timeout", "--foreground", "--signal=INT", "--kill-after=60", str(limit)]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                [*command, sys.executable, "-m", "snakemake", "--profile", profile, *args],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def text(self) -> str:
        """What was printed so far."""
        return self.log.read_text()

    @property
    def submitted(self) -> list[str]:
        """SLURM's numbers of the jobs submitted so far."""
        lines = [line for line in self.text.splitlines() if "has been submitted with SLURM jobid" in line]
        return [line.split("SLURM jobid ")[1].split()[0] for line in lines]

    @property
    def finished(self) -> set[str]:
        """Snakemake's numbers of the jobs that are done."""
        return set(re.findall(r"\nFinished jobid: (\d+)", self.text))

    def status(self, seconds: float = LIMIT) -> int:
        """Exit status; subprocess.TimeoutExpired if it does not end in time."""
        return self.process.wait(timeout=seconds)

    def wait_for_work(self, count: int) -> None:
        """Wait until this many jobs of the toy workflow are at their own work."""
        wait_until(lambda: len(list(self.folder.glob("*.began"))) >= count, f"work in {self.folder}", seconds=120)

    def interrupt(self) -> None:
        """End it as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=90)

    def kill(self) -> None:
        """End Snakemake as a crash does: its jobs run on."""
        child = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        os.kill(int(child), signal.SIGKILL)
        self.process.wait(timeout=10)


def toy(folder: Path, *args: str, seconds: int) -> Run:
    """A run of the toy workflow, whose jobs sleep for some seconds, with frequent looks at them."""
    often = ["--slurm-steady-init-seconds-before-status-checks=3", "--slurm-steady-status-command=squeue"]
    if "slurm" in args:
        often = [word.replace("-steady", "") for word in often]
    return Run(
        folder, "--snakefile", str(ROOT / "tests/slurm/toy.smk"), "--config", f"seconds={seconds}", *often, *args
    )


def state(job: str) -> str:
    """State of a job, as squeue names it."""
    return output("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}")
