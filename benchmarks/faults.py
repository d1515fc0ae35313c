"""Every fault on every stage that goes on from its own pieces: does it survive, is the result the same, what is lost.

python benchmarks/faults.py --out benchmarks/results/faults.json

A job is struck half-way through its fourth piece and run again; files are compared byte by byte, but for clocks.  What
is lost is the wall clock from the last piece that is left to the end of the process, as a share of the whole job.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from record import record, write

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from mdsnake.config import SimulateSettings  # noqa: E402
from mdsnake.families.kstep.config import Jump, Rollout, RolloutSettings, TrainSettings  # noqa: E402
from mdsnake.store.checkpoint import read_model  # noqa: E402
from mdsnake.store.h5md import Trajectory  # noqa: E402
from tests.faults.strike import FAULTS, Fault, Job, contents, ends_as, run  # noqa: E402

SMOKE = ROOT / "tests/workflow"
MODEL = Path("results/kstep/train/mm/k4/egnn/model.safetensors")
REPLICA = "results/methanol/simulate/{engine}/replica1.h5"
TARGET = Path("results/methanol/rollout/mm/k4/verlet/seed0.h5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="the classical simulation alone")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs deaf to it
    with tempfile.TemporaryDirectory() as scratch:
        place = smoke(Path(scratch) / "inputs")
        wanted = [MODEL, *(Path(REPLICA.format(engine=engine)) for engine in ("mm", "qm"))]
        done = snakemake(place, *wanted).wait()
        if done:
            sys.exit(f"the workflow failed with status {done}; run it by itself to see why")
        records = []
        for name, job in jobs(place).items():
            records += struck(name, job, Path(scratch) / name.replace(" ", "-"))
            if arguments.quick:
                break
        if not arguments.quick:
            records += workflow(Path(scratch))
    write(arguments.out, records)


def jobs(place: Path) -> dict[str, Callable[[Path], Job]]:
    """A long job of each stage, as a command that writes into a folder; its inputs are results of the workflow."""

    def simulation(engine: str, **changes: float) -> Callable[[Path], Job]:
        told = SimulateSettings(**Trajectory.load(place / REPLICA.format(engine=engine)).provenance["settings"])
        told = told.model_copy(update={"engine": told.engine.model_copy(update=changes)})
        return lambda folder: command(
            folder, ["simulate", "results/methanol/prepare", "--settings", told.model_dump_json(), "--run", "replica0"]
        )

    header, _ = read_model(place / MODEL)
    training = TrainSettings(**header["settings"])
    longer = {"max_steps": 125, "validate_every": 5, "patience": 100}
    training = training.model_copy(update={"training": training.training.model_copy(update=longer)})
    windows = "results/kstep/window/mm/k4.learning.json"
    start = REPLICA.format(engine="mm")
    engine = SimulateSettings(**Trajectory.load(place / start).provenance["settings"]).engine
    rolled = RolloutSettings(
        member="egnn", jump=Jump(**header["jump"]), rollout=Rollout(walkers=4, time_ps=4, nve_ps=4), seed=0
    )

    def command(folder: Path, arguments: list[str], pieces: str = "piece*.npz", **more: str) -> Job:
        outputs = {"out": "result.h5", "work": "work"} | more
        files = [text for name, path in outputs.items() for text in (f"--{name}", str(folder / path))]
        made = [folder / path for name, path in outputs.items() if name != "work"]
        return Job(arguments + files, folder / "work", made, pieces, place)

    return {
        "simulate MM": simulation("mm", production_ps=1000.0, record_fs=200.0),
        "simulate QM": simulation("qm", production_ps=2.5, record_fs=5.0),
        "train": lambda folder: command(
            folder, ["train", windows, "--settings", training.model_dump_json(), "--device", "cpu"], "*.ckpt",
            out="model.safetensors", history="history.csv",
        ),
        "roll out": lambda folder: command(
            folder,
            ["rollout", "results/methanol/prepare", "--settings", rolled.model_dump_json(), "--engine",
             engine.model_dump_json(), "--start", start, "--model", str(MODEL), "--device", "cpu"],
            nve="free.h5",
        ),
    }  # fmt: skip


def struck(name: str, make: Callable[[Path], Job], folder: Path) -> list[dict[str, Any]]:
    """Records of one stage."""
    whole = make(folder / "whole")
    folder.mkdir()
    done = run(whole)
    if done.status:
        sys.exit(f"{name}: {done.printed}")
    pieces = sum("%" in line for line in done.printed.splitlines())
    records = []
    for label, fault in FAULTS.items():
        place = folder / label.replace(" ", "-")
        with small_disk(place, fault) as (fault, free):
            job = make(place)
            first = run(job, fault, delay=2.5 * done.worked / pieces)
            spared = fault.status is None and first.status == 0  # it had all the memory that it needed
            clean = spared or (ends_as(fault, first) and not any(path.exists() for path in job.outputs))
            free()
            again = run(job)
            survived, lost = clean and again.status == 0, 0.0 if spared else 100 * first.lost / done.worked
            records += verdict(name, label, survived, survived and same(whole, job), lost)
        print(f"{name}, {label}: {first.status}, then {again.status}; {first.printed.splitlines()[-1:]}", flush=True)
        shutil.rmtree(place, ignore_errors=True)
    return records


@contextlib.contextmanager
def small_disk(folder: Path, fault: Fault) -> Iterator[tuple[Fault, Callable[[], object]]]:
    """For a full disk, where this may mount one, `folder` is a disk of its own that the fault fills; and its relief."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(folder)]
    if fault is not FAULTS["full disk"] or os.geteuid() != 0 or subprocess.run(mount).returncode:
        yield fault, lambda: None
        return
    filler = folder / "filler"

    def fill(process: subprocess.Popen) -> None:
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while file.write(bytes(2**20)):
                pass

    try:
        yield replace(fault, strike=fill), filler.unlink
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def same(whole: Job, job: Job) -> bool:
    return all(contents(a) == contents(b) for a, b in zip(whole.outputs, job.outputs, strict=True))


def verdict(name: str, label: str, survived: bool, equal: bool, lost: float | None) -> list[dict[str, Any]]:
    told = {"survived": survived, "result equal": equal}
    records = [record(name, label, "", metric, "1", value, n=1, mark="1", met=value) for metric, value in told.items()]
    return records + ([] if lost is None else [record(name, label, "", "work lost", "%", lost, n=1)])


def smoke(folder: Path, production_ps: float | None = None) -> Path:
    """A folder with the inputs of the smallest workflow, perhaps with longer classical dynamics."""
    folder.mkdir()
    for name in ("molecules.tsv", "proteins.tsv"):
        shutil.copy(SMOKE / name, folder)
    told = yaml.safe_load((SMOKE / "smoke.yaml").read_text())
    if production_ps:
        told["engines"]["mm"]["production_ps"] = production_ps
    (folder / "smoke.yaml").write_text(yaml.safe_dump(told))
    return folder


def snakemake(folder: Path, *arguments: str | Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--configfile", folder / "smoke.yaml", "--cores", "2", *arguments]
    with open(folder / "snakemake.log", "a") as log:
        return subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def workflow(scratch: Path) -> list[dict[str, Any]]:
    """Records of Snakemake itself: it is struck while it simulates, then run again as the README says."""
    whole = smoke(scratch / "workflow", production_ps=1000)
    if snakemake(whole, TARGET).wait():
        sys.exit((whole / "snakemake.log").read_text())
    strikes: dict[str, Callable[[int], None]] = {
        "Snakemake and its jobs killed": lambda pid: os.killpg(pid, signal.SIGKILL),
        "Snakemake alone killed": lambda pid: os.kill(pid, signal.SIGKILL),
        "Ctrl-C": lambda pid: os.killpg(pid, signal.SIGINT),
    }
    records = []
    for label, strike in strikes.items():
        folder = smoke(scratch / label.replace(" ", "-"), production_ps=1000)
        first = snakemake(folder, TARGET)
        while not list(folder.glob("results/.work/simulate/**/piece00005.npz")):
            time.sleep(0.01)
            if first.poll() is not None:
                sys.exit((folder / "snakemake.log").read_text())
        strike(first.pid)
        first.wait(120)
        for _ in range(4):  # while jobs of the first run go on, they hold the second out
            snakemake(folder, "--unlock").wait()
            if status := snakemake(folder, "--rerun-incomplete", TARGET).wait():
                time.sleep(10)
            else:
                break
        resumed = any("going on at" in path.read_text() for path in folder.glob("results/logs/simulate/*"))
        equal = status == 0 and contents(folder / TARGET) == contents(whole / TARGET)
        print(f"workflow, {label}: {status}, resumed: {resumed}", flush=True)
        records += verdict("workflow", label, status == 0, equal, None)
        records.append(record("workflow", label, "", "simulation went on", "1", resumed, n=1))
    return records


if __name__ == "__main__":
    main()
