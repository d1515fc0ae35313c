"""What a cluster does to a job, at each stage that takes long: does it survive, is the result the same, what is lost.

As root on Debian, on the two nodes of tests/slurm/cluster.py; half an hour, most of it waiting.

    python tests/slurm/cluster.py install
    python benchmarks/slurm_faults.py --out benchmarks/results/slurm_faults.json

Each stage's job is struck on its way, and the run must end well by itself, unless Snakemake itself is killed.  What is
lost is the wall clock from the last piece that is left to the end of the job, as a share of the whole job.
"""

import argparse
import contextlib
import csv
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from record import record, write

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.faults.strike import contents  # noqa: E402
from tests.slurm.cluster import kill, output, start, start_daemon, stop, wait_until  # noqa: E402
from tests.slurm.runs import Run, state  # noqa: E402
from tests.slurm.test_run import fresh_clone  # noqa: E402

OUTAGE_SECONDS = 60


@dataclass
class Stage:
    """A job of the workflow: its rule, what it writes, and where it keeps its pieces."""

    rule: str
    target: str
    others: list[str]
    benchmark: str
    pieces: str

    def since_piece(self, clone: Path) -> float | None:
        """Seconds since the newest piece was written, if any."""
        times = [path.stat().st_mtime for path in clone.glob(f"results/.work/{self.pieces}")]
        return time.time() - max(times) if times else None


STAGES = {
    "simulate": Stage(
        "simulate", "results/methanol/simulate/mm/replica0.h5", [], "simulate/methanol.mm.replica0.tsv",
        "simulate/methanol.mm.0/piece*.npz",
    ),
    "train": Stage(
        "train", "results/kstep/train/mm/k4/egnn/model.safetensors", ["results/kstep/train/mm/k4/egnn/history.csv"],
        "train/mm.k4.egnn.tsv", "train/mm.4.egnn/*.ckpt",
    ),
    "roll out": Stage(
        "rollout", "results/methanol/rollout/mm/k4/egnn/seed0.h5", ["results/methanol/rollout/mm/k4/egnn/seed0.nve.h5"],
        "rollout/methanol.mm.k4.egnn.seed0.tsv", "rollout/methanol.mm.4.egnn.0/piece*.npz",
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--faults", nargs="+", choices=list(FAULTS), default=list(FAULTS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        cluster = Path(scratch, "cluster")
        start(cluster)
        try:
            whole = finished(Path(scratch, "whole"))
            records = [
                line
                for stage in arguments.stages
                for fault in arguments.faults
                for line in struck(cluster, whole, Path(scratch, stage, fault), stage, fault)
            ]
        finally:
            stop(cluster)
    write(arguments.out, records)


def finished(clone: Path) -> Path:
    """The smoke workflow with longer jobs, run on this machine alone."""
    clone.mkdir()
    fresh_clone(clone)
    told = yaml.safe_load((clone / "smoke.yaml").read_text())
    del told["engines"]["qm"], told["kstep"]["engines"]["qm"], told["kstep"]["members"]["transformer-egnn"]
    told["engines"]["mm"]["production_ps"] = 800
    engine = told["kstep"]["engines"]["mm"]
    engine["k"] = [4]
    engine["train"] |= {"max_steps": 600, "validate_every": 10, "patience": 100}
    engine["rollout"] |= {"walkers": 8, "time_ps": 10, "nve_ps": 2}
    (clone / "smoke.yaml").write_text(yaml.safe_dump(told))
    command = [sys.executable, "-m", "snakemake", "--configfile", "smoke.yaml", "--cores", "1"]
    command += [STAGES["roll out"].target, STAGES["simulate"].target]
    environment = os.environ | {"PYTHONPATH": str(clone), "OMP_NUM_THREADS": "1"}
    with open(clone / "snakemake.log", "w") as log:
        done = subprocess.run(command, cwd=clone, env=environment, stdout=log, stderr=log)
    if done.returncode:
        sys.exit((clone / "snakemake.log").read_text()[-3000:])
    return clone


def submitted(clone: Path, target: str, *options: str) -> Run:
    often = ["--slurm-steady-init-seconds-before-status-checks=3", "--slurm-steady-partition-config=partitions.yaml"]
    return Run(clone, *often, *options, "--configfile", "smoke.yaml", "--", target, profile="slurm")


def struck(cluster: Path, whole: Path, clone: Path, stage: str, fault: str) -> list[dict[str, Any]]:
    """Records of one fault at one stage, in a copy of the finished workflow that lacks this stage's result."""
    job = STAGES[stage]
    shutil.copytree(whole, clone, symlinks=True)
    for name in (job.target, *job.others):
        (clone / name).unlink()
    with open(whole / "results/benchmarks" / job.benchmark, newline="") as table:
        seconds = float(next(csv.DictReader(table, delimiter="\t"))["s"])
    options = ["--set-resources", f"{job.rule}:mem_mb=100*attempt**4"] if fault == "out of memory" else []
    run = submitted(clone, job.target, *options)
    try:
        if not options:
            wait_until(lambda: job.since_piece(clone) is not None, f"{stage}: the first piece", seconds=180)
            time.sleep(seconds / 4)
        run, lost = FAULTS[fault](cluster, run, job)
        status = run.status()
    finally:
        run.interrupt()
    names = [job.target, *job.others]
    equal = status == 0 and all(contents(whole / name) == contents(clone / name) for name in names)
    share = 100 * lost / seconds
    print(f"{stage}, {fault}: {status}, {len(run.submitted)} jobs, equal: {equal}, lost {share:.0f} %", flush=True)
    shutil.rmtree(clone)
    told = {"survived": status == 0, "result equal": equal}
    about = (stage, fault, "SLURM")
    records = [record(*about, metric, "1", value, n=1, mark="1", met=value) for metric, value in told.items()]
    return [*records, record(*about, "work lost", "%", share, n=1)]


#: The run that goes on, and the seconds of work that were lost.
Struck = tuple[Run, float]


def own_work(run: Run, how: int) -> None:
    """Signal the processes of the package that work in the run's folder."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == run.folder and b"\0mdsnake\0" in (process / "cmdline").read_bytes():
                os.kill(int(process.name), how)


def cancelled(cluster: Path, run: Run, job: Stage) -> Struck:
    output("scancel", run.submitted[0])
    return run, job.since_piece(run.folder) or 0.0


def out_of_time(cluster: Path, run: Run, job: Stage) -> Struck:
    """It hangs, as on a file system that does not answer, until its shortened time is over."""
    output("scontrol", "update", f"jobid={run.submitted[0]}", "timelimit=1")
    lost = job.since_piece(run.folder) or 0.0
    own_work(run, signal.SIGSTOP)
    wait_until(lambda: state(run.submitted[0]) == "TIMEOUT", "the time limit", seconds=200)
    return run, lost


def out_of_memory(cluster: Path, run: Run, job: Stage) -> Struck:
    """The first attempt has too little from its start."""
    wait_until(lambda: len(run.submitted) > 0, "the job", seconds=60)
    wait_until(lambda: state(run.submitted[0]) not in ("PENDING", "RUNNING", "COMPLETING"), "its end", seconds=120)
    return run, job.since_piece(run.folder) or 0.0


def slurmd_killed(cluster: Path, run: Run, job: Stage) -> Struck:
    kill(cluster, "slurmd.n1")
    time.sleep(5)
    start_daemon("slurmd.n1")
    return run, 0.0


def drained(cluster: Path, run: Run, job: Stage) -> Struck:
    output("scontrol", "update", "nodename=n1", "state=drain", "reason=benchmark")
    wait_until(lambda: state(run.submitted[0]) == "COMPLETED", "the job's end", seconds=300)
    output("scontrol", "update", "nodename=n1", "state=resume")
    return run, 0.0


def node_lost(cluster: Path, run: Run, job: Stage) -> Struck:
    kill(cluster, "slurmd.n1")
    subprocess.run(["pkill", "--signal", "KILL", "--full", rf"slurmstepd: \[{run.submitted[0]}\."], check=True)
    own_work(run, signal.SIGKILL)
    lost = job.since_piece(run.folder) or 0.0
    output("scontrol", "update", "nodename=n1", "state=down", "reason=benchmark")
    wait_until(lambda: state(run.submitted[0]) == "NODE_FAIL", "the loss")
    start_daemon("slurmd.n1")
    output("scontrol", "update", "nodename=n1", "state=resume")
    return run, lost


def controller_away(cluster: Path, run: Run, job: Stage) -> Struck:
    kill(cluster, "slurmctld", signal.SIGTERM)
    time.sleep(OUTAGE_SECONDS)
    start_daemon("slurmctld")
    return run, 0.0


def snakemake_killed(cluster: Path, run: Run, job: Stage) -> Struck:
    """Its job runs on, and is cancelled before the next run, as the documentation says."""
    run.kill()
    output("scancel", run.submitted[0])
    lost = job.since_piece(run.folder) or 0.0
    wait_until(lambda: state(run.submitted[0]) == "CANCELLED", "the orphan's end")
    unlock = [sys.executable, "-m", "snakemake", "--configfile", "smoke.yaml", "--unlock"]
    subprocess.run(unlock, cwd=run.folder, env=os.environ | {"PYTHONPATH": str(run.folder)}, check=True)
    return submitted(run.folder, job.target), lost


FAULTS: dict[str, Callable[[Path, Run, Stage], Struck]] = {
    "scancel": cancelled,
    "time limit": out_of_time,
    "out of memory": out_of_memory,
    "slurmd killed": slurmd_killed,
    "node drained": drained,
    "node lost": node_lost,
    "controller away": controller_away,
    "Snakemake killed": snakemake_killed,
}


if __name__ == "__main__":
    main()
