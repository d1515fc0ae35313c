"""How planning grows with the table: processor time and memory of dry runs of 100, 1,000 and 10,000 molecules.

python benchmarks/growth.py --out benchmarks/results/growth.json    # ten minutes; --quick for small tables
"""

import argparse
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from record import record, write

ROOT = Path(__file__).parents[1]
COLUMNS = "molecule,status,reason,split,engines,n_atoms,formula,charge,multiplicity,smiles"
SPLITS = ("train",) * 14 + ("validation",) * 3 + ("test",) * 3  # the default's 70, 15 and 15 %
ONE = "results/m00019/{}"
TARGETS = {
    "everything": ["all"],
    "training data": ["window_all"],
    "one evaluation": [ONE.format("evaluate/mm/k4/verlet/seed0.csv")],
    "one job": [ONE.format("simulate/mm/bursts.h5"), "--allowed-rules", "bursts"],  # as Snakemake does in each job
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--figure", type=Path, default=ROOT / "benchmarks" / "growth.png")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        records = measured(Path(scratch), (100, 200) if arguments.quick else (100, 1000, 10_000))
    write(arguments.out, records)
    draw(records, arguments.figure)


def measured(scratch: Path, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Jobs, time and memory of each target at each size."""
    (scratch / "Snakefile").write_text("rule all:\n    input: []\n")
    bare = dry_run(scratch, scratch / "Snakefile", ["all"])[0]
    records = [record("no molecules", "an empty Snakefile", "", "processor time", "s", bare, n=1)]
    few, more = (screened(scratch / f"small{size}", size) for size in (20, 40))
    for size in sizes:
        folder = screened(scratch / str(size), size)
        for name, target in TARGETS.items():
            about = (f"{size} molecules", name, "")
            seconds, mb = dry_run(folder, ROOT / "Snakefile", target)
            least, slope = planned(few, target), (planned(more, target) - planned(few, target)) / 20
            records.append(record(*about, "jobs", "1", least + slope * (size - 20)))
            records.append(record(*about, "processor time", "s", seconds, n=1))
            records.append(record(*about, "peak memory", "MB", mb, n=1))
            if name == "one job":
                own = seconds - bare
                mark = {"mark": "≤ 1", "met": own <= 1}
                records.append(record(*about, "processor time beside Snakemake's own", "s", own, n=1, **mark))
            print(f"{size} molecules, {name}: {seconds:.1f} s, {mb:.0f} MB", flush=True)
    return records


def screened(folder: Path, size: int) -> Path:
    """A folder with a table of `size` molecules that has passed the screen."""
    (folder / "results/summary").mkdir(parents=True)
    (folder / "config").mkdir()
    shutil.copy(ROOT / "config/proteins.tsv", folder / "config")
    names = [f"m{index:05d}" for index in range(size)]
    (folder / "molecules.tsv").write_text("name\tsmiles\n" + "".join(f"{name}\tCCO\n" for name in names))
    with open(folder / "results/summary/molecules.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS.split(","))
        for index, name in enumerate(names):
            split = SPLITS[index % len(SPLITS)]
            writer.writerow([name, "ok", "", split, "mm,flex,qm", 9, "C2H6O", 0, 1, "CCO"])
    return folder


def dry_run(folder: Path, snakefile: Path, target: list[str], quiet: str = "rules progress") -> tuple[float, float]:
    """Processor seconds and peak memory in MB of `snakemake --dry-run TARGET` in `folder`; its output is kept there."""
    command = [sys.executable, "-m", "snakemake", *target, "--dry-run", "--quiet", *quiet.split(), "--cores=1"]
    command += ["--snakefile", str(snakefile), "--directory", str(folder)]
    if snakefile.parent == ROOT:
        command += ["--configfile", str(ROOT / "config/config.yaml"), "--config", "molecules=molecules.tsv"]
    with open(folder / "output", "w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit((folder / "output").read_text()[-3000:])
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def planned(folder: Path, target: list[str]) -> int:
    """Jobs of a target."""
    dry_run(folder, ROOT / "Snakefile", target, quiet="rules")
    totals = re.findall(r"^total +(\d+)$", (folder / "output").read_text(), re.MULTILINE)
    return int(totals[-1])


def draw(records: list[dict[str, Any]], path: Path) -> None:
    """Time and memory against the number of molecules, both axes logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 2.8), layout="constrained")
    metrics = {"processor time": "processor time / s", "peak memory": "memory / MB"}
    for axes, (metric, label) in zip(figure.subplots(1, 2), metrics.items(), strict=True):
        for name in TARGETS:
            found = [r for r in records if r["member"] == name and r["metric"] == metric]
            sizes = [int(r["system"].split()[0]) for r in found]
            axes.plot(sizes, [r["value"] for r in found], "o-", ms=4, label=name)
        axes.set(xscale="log", yscale="log", xlabel="molecules", ylabel=label)
        axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
