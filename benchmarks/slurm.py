"""What SLURM adds to a job: the same jobs by the local executor, by `--profile slurm`, and in one job of SLURM.

As root on Debian, on the two nodes of tests/slurm/cluster.py; about ten minutes, in which the jobs only sleep.

    python tests/slurm/cluster.py install
    python benchmarks/slurm.py --out benchmarks/results/slurm.json
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import over_seeds, record, write

ROOT = Path(__file__).parents[1]
CLUSTER = [sys.executable, str(ROOT / "tests/slurm/cluster.py")]
WORKFLOW = """
rule all:
    input: expand("{n}.end", n=range(JOBS))
rule sleep:
    output: "{n}.end"
    resources: mem_mb=600, runtime=5
    shell: "date +%s.%N > {wildcards.n}.begin; sleep SECONDS; date +%s.%N > {output}"
"""
PROFILE = ["--profile", str(ROOT / "slurm")]
MEMBERS = {
    "local": ["--cores=2"],
    "slurm": [*PROFILE, "--jobs=2"],
    "slurm, shared": [*PROFILE, "--cores=2", "--slurm-steady-batch-rules=sleep"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="one short run of each: checks the script")
    quick = parser.parse_args().quick
    repeats, jobs, seconds = (1, 2, 2) if quick else (3, 8, 10)
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([*CLUSTER, "start", f"{scratch}/cluster"], check=True)
        try:
            runs = {
                name: [measured(Path(scratch, f"{name}{n}"), options, jobs, seconds) for n in range(repeats)]
                for name, options in MEMBERS.items()
            }
        finally:
            subprocess.run([*CLUSTER, "stop", f"{scratch}/cluster"], check=True)
    setting = f"{jobs} jobs of {seconds} s, two at a time"
    write(parser.parse_args().out, [line for name in runs for line in records(name, setting, runs[name])])


def measured(folder: Path, options: list[str], jobs: int, seconds: int) -> dict[str, float]:
    """Seconds until the first job begins, in all, and beyond the sleep by job and core."""
    folder.mkdir()
    (folder / "Snakefile").write_text(WORKFLOW.replace("JOBS", str(jobs)).replace("SECONDS", str(seconds)))
    command = ["timeout", "--signal=INT", "--kill-after=60", "580", sys.executable, "-m", "snakemake", *options]
    start = time.time()
    with open(folder / "log", "w") as log:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log, check=True)
    whole = time.time() - start
    began = min(float(path.read_text()) for path in folder.glob("*.begin"))
    return {"first job": began - start, "wall clock": whole, "overhead of a job": 2 * whole / jobs - seconds}


def records(name: str, setting: str, runs: list[dict[str, float]]) -> list[dict[str, Any]]:
    return [
        record("two-node cluster", name, setting, metric, "s", **over_seeds([run[metric] for run in runs]))
        for metric in runs[0]
    ]


if __name__ == "__main__":
    main()
