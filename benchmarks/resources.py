"""Asked for against used, by rule, from the `benchmark:` files of a run of the default configuration.

python benchmarks/resources.py --out benchmarks/results/resources.json    # runs it: half an hour on two cores

`--data RESULTS` reads the files of a run that was made with `snakemake --benchmark-extended` instead.  Writes
docs/resources.md, too.
"""

import argparse
import ast
import csv
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from record import machine, record, write

from mdsnake import resources
from mdsnake.project import Project, load_project

ROOT = Path(__file__).parents[1]
#: What is planned for: configuration, atoms of a molecule.
PLANS = {"config.yaml": 9, "full.yaml": 20}
MOLECULES, ROLLED_OUT = 10_000, 1_500
HEAD = """# Resources: asked for against used

Made by `python benchmarks/resources.py` from the `benchmark:` files of a run of `{config}`
({machine}). *Asked* is the largest of a rule's jobs in the first attempt, *used* the largest resident memory and
processor time; each retry asks for as much again. What is asked follows from the atoms, steps and networks by
`mdsnake/resources.py`: twice the expected time and 1.5 times the memory, 260 MB for the two Snakemakes that start a
job on a cluster, and at least {shortest} minutes. Jobs shorter than half a second are not sampled.

| rule | jobs | asked / MB | used / MB | asked / min | used / min | mean / min | all / core-hours |
|---|---|---|---|---|---|---|---|
"""

STORAGE = """
## Storage and core-hours

Planned by the same costs, for one molecule and for a table of {molecules:,} of which {rolled:,} are rolled out.
Roll-outs count at their worst, where every jump falls back; trainings on one core, where a GPU should take a
{speedup}th of the time.
"""
PLAN = """
### `config/{config}`, molecules of {atoms} atoms

| stage | for each molecule that is | jobs | MB | core-minutes | jobs in all | GB in all | core-hours in all |
|---|---|---|---|---|---|---|---|
"""


class Job(NamedTuple):
    """A line of a benchmark file; `minutes` is processor time."""

    rule: str
    asked_mb: float
    used_mb: float
    asked_minutes: float
    minutes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="run the workflow tests' configuration")
    parser.add_argument("--data", type=Path, help="results of a finished run")
    parser.add_argument("--table", type=Path, default=ROOT / "docs" / "resources.md")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    config = ROOT / ("tests/workflow/smoke.yaml" if arguments.quick else "config/config.yaml")
    with tempfile.TemporaryDirectory() as scratch:
        jobs = read_jobs(arguments.data or finished(config, Path(scratch)))
    records = [line for rule, found in by_rule(jobs).items() for line in records_of(rule, found)]
    write(arguments.out, records)
    arguments.table.write_text(page(jobs, config))


def finished(config: Path, folder: Path) -> Path:
    """The results of a run of `config` in `folder`."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile", str(config)]
    command += ["--directory", str(folder), "--cores", "all", "--benchmark-extended"]
    command += ["--config", f"molecules={config.parent / 'molecules.tsv'}"]
    proteins = load_project(yaml.safe_load(config.read_text()), str(config)).backbone
    if proteins:
        (folder / proteins.proteins).parent.mkdir(exist_ok=True)
        shutil.copy(config.parent / "proteins.tsv", folder / proteins.proteins)
    subprocess.run(command, check=True)
    return folder / "results"


def read_jobs(results: Path) -> list[Job]:
    """Every job that was sampled."""
    csv.field_size_limit(sys.maxsize)
    jobs = []
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        with open(path, newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if "resources" not in row:
                    sys.exit(f"{path}: without resources; run with --benchmark-extended")
                if row["max_rss"] != "NA":
                    asked = ast.literal_eval(row["resources"])
                    rule = path.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")
                    used = float(row["max_rss"]), float(row["cpu_time"]) / 60
                    jobs.append(Job(rule, asked["mem_mb"], used[0], asked["runtime"], used[1]))
    return jobs


def by_rule(jobs: list[Job]) -> dict[str, list[Job]]:
    found = defaultdict(list)
    for job in jobs:
        found[job.rule].append(job)
    return dict(found)


def records_of(rule: str, jobs: list[Job]) -> list[dict[str, Any]]:
    """The job that came closest to what it asked for, in memory and in time."""
    lines = []
    for metric, unit, asked, used in (("memory", "MB", 1, 2), ("processor time", "min", 3, 4)):
        worst = max(jobs, key=lambda job: job[used] / job[asked])
        mark = {"mark": f"≤ {worst[asked]:g}, which was asked", "met": worst[used] <= worst[asked]}
        values = [job[used] for job in jobs]
        lines.append(
            record(rule, "", "", metric, unit, worst[used], low=min(values), high=max(values), n=len(jobs), **mark)
        )
    return lines


def page(jobs: list[Job], config: Path) -> str:
    """The tables of docs/resources.md."""
    shortest = resources.SHORTEST_MINUTES
    lines = [HEAD.format(config=config.relative_to(ROOT), machine=machine(), shortest=shortest)]
    for rule, found in by_rule(jobs).items():
        columns = [np.array(column) for column in list(zip(*found, strict=True))[1:]]
        asked_mb, used_mb, asked_minutes, minutes = columns
        cells = [rule, f"{len(found)}", *(f"{most.max():.0f}" for most in (asked_mb, used_mb, asked_minutes))]
        cells += [f"{minutes.max():.2f}", f"{minutes.mean():.2f}", f"{minutes.sum() / 60:.3f}"]
        lines.append(f"| {' | '.join(cells)} |\n")
    lines.append(STORAGE.format(molecules=MOLECULES, rolled=ROLLED_OUT, speedup=resources.GPU_SPEEDUP))
    return "".join([*lines, *(plan(name, n_atoms) for name, n_atoms in PLANS.items())])


def number(value: float) -> str:
    """Two digits at least, and no exponent."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def plan(name: str, n_atoms: int) -> str:
    """The table of what a configuration keeps and takes."""
    project = load_project(yaml.safe_load((ROOT / "config" / name).read_text()), name)
    text = PLAN.format(atoms=n_atoms, config=name)
    for stage, whose, jobs, mb, seconds in stages(project, n_atoms):
        times = {"in the table": MOLECULES, "rolled out": ROLLED_OUT, "": 1}[whose]
        cells = [stage, whose, f"{jobs}", number(mb), number(seconds / 60)] if whose else [stage, "", "", "", ""]
        cells += [f"{times * jobs:,}", number(times * mb / 1e3), number(times * seconds / 3600)]
        text += f"| {' | '.join(cells)} |\n"
    return text


def stages(project: Project, n_atoms: int) -> Iterator[tuple[str, str, int, float, float]]:
    """Stage, whose, and its jobs, MB and seconds for one molecule, or of all trainings together."""
    engines, kstep = project.engines, project.kstep
    yield "prepare", "in the table", 1, 0.02, resources.preparing(n_atoms).seconds
    data_mb = {name: resources.bursts_mb(engine, 1, n_atoms) for name, engine in engines.items()}
    seconds = sum(resources.bursts(engine, n_atoms).seconds for engine in engines.values())
    yield "bursts", "in the table", len(engines), sum(data_mb.values()), seconds

    rolled = {name: engine for name, engine in kstep.engines.items() if engine.rollout}
    replicas_mb = {
        name: 2 * resources.megabytes(1e3 * engines[name].production_ps / engines[name].record_fs, n_atoms)
        for name in rolled
    }
    seconds = 2 * sum(resources.replica(engines[name], n_atoms).seconds for name in rolled)
    yield "simulate", "rolled out", 2 * len(rolled), sum(replicas_mb.values()), seconds

    runs = [
        (name, engine.rollout, k, kstep.members.get(member))
        for name, engine in rolled.items()
        for k in engine.k
        for member in [*kstep.members, *kstep.controls]
        for _ in kstep.seeds
    ]
    rollouts_mb = [
        resources.megabytes(resources.rollout_frames(engines[name], settings, k) * settings.most_walkers, n_atoms)
        for name, settings, k, _ in runs
    ]
    needs = [resources.roll_out(engines[name], settings, k, n_atoms, network) for name, settings, k, network in runs]
    yield "rollout", "rolled out", len(runs), sum(rollouts_mb), sum(need.seconds for need in needs)
    judged = [resources.judging(replicas_mb[run[0]] + mb).seconds for run, mb in zip(runs, rollouts_mb, strict=True)]
    yield "evaluate", "rolled out", len(runs), 0.05 * len(runs), sum(judged)

    learned_from = MOLECULES - ROLLED_OUT
    trainings = [
        resources.training(network, drifts, engine.train, n_atoms, learned_from * data_mb[name], kstep.window_stride)
        for name, engine in kstep.engines.items()
        for k in engine.k
        for network in kstep.members.values()
        for drifts in [resources.jump_drifts(network, engines[name], k)]
    ]
    yield "train", "", len(trainings), 0.5 * len(trainings), sum(need.seconds for need in trainings)


if __name__ == "__main__":
    main()
