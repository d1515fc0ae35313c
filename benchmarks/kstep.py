"""The learned k-step jumps on molecules held out of training: accuracy, cost, symmetry and transfer.

Takes up the results of `make run`, or runs the workflow on config/config.yaml; adds more seeds of every learned
roll-out, and measures learning curves: against the amount of QM data, with and without pretraining, and against the
number of training molecules.  Interrupted, it goes on where it stopped.

    python benchmarks/kstep.py --out benchmarks/results/kstep.json
"""

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from kstep_molecules import molecules
from kstep_properties import properties
from kstep_transfer import transfer
from record import over_seeds, record, write

from mdsnake.evaluate.metrics import METRICS
from mdsnake.evaluate.records import Record, read_records
from mdsnake.families.kstep.config import CONTROLS
from mdsnake.store.atomic import write_text
from mdsnake.store.work import fingerprint

#: By the clock: from the roll-outs of `make run` alone, which are timed beside their reference in one run.
CLOCKED = ("ms_per_ps", "wall_clock_speedup", "ess_per_second", "break_even")
Study = Callable[[Path, bool], list[dict[str, Any]]]

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
REPORTED = (
    "ke_ratio", "lag_rmsd_ratio", "bond_js", "angle_js", "torsion_js", "potential_js", "pair_distance_l1",
    "bond_rmse", "torsion_step_ratio", "flip_rate", "torsion_time_ratio", "vdos_shift_1", "nve_drift",
    "reversibility_pm", "force_calls_per_ps", "force_call_saving", "network_calls_per_ps", "ms_per_ps",
    "wall_clock_speedup", "accepted_fraction", "fallback_fraction", "projection_position", "ess_per_force_call",
    "ess_per_second", "break_even",
    "jump_position_pm", "jump_velocity_relative", "jump_energy_median", "jump_acceptance",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--quick", action="store_true", help="the smoke configuration: checks the script, not the model"
    )
    parser.add_argument("--without-curves", action="store_true", help="leave learning curves as they are on record")
    parser.add_argument("--seeds", type=int, default=5, help="of each learned roll-out")
    parser.add_argument("--data", type=Path, help="not needed: the molecules are in the repository")
    arguments = parser.parse_args()
    folder = RESULTS / "quick" if arguments.quick else RESULTS
    summary = folder / "summary/kstep.csv"
    snakemake(arguments.quick, folder, [summary])
    rows = read_records(summary)
    more = sorted(
        {_evaluation(folder, row, seed) for row in rows if _learned(row) for seed in range(1, arguments.seeds)}
    )
    snakemake(arguments.quick, folder, more)
    rows += [row for file in more for row in read_records(file)]
    records = evaluation(rows)
    for study in (transfer, molecules, properties)[2 * arguments.without_curves :]:
        records += once(study, folder, arguments.quick)
    write(arguments.out, records, lambda one: one["setting"].split(",")[0])


def once(study: Study, folder: Path, quick: bool) -> list[dict[str, Any]]:
    """The records of `study` of the models in `folder`, kept there until the models change."""
    models = sorted(folder.glob("kstep/train/*/k*/*/model.safetensors"))
    key, kept = fingerprint(study.__name__, quick, *models), folder / study.__name__ / "records.json"
    if kept.exists() and (known := json.loads(kept.read_text()))["key"] == key:
        return known["records"]
    records = study(folder, quick)
    write_text(kept, json.dumps({"key": key, "records": records}))
    return records


def snakemake(quick: bool, folder: Path, targets: list[Path]) -> None:
    """Have the workflow make `targets`."""
    config, values = ROOT / "config/config.yaml", [f"results={folder.relative_to(ROOT)}"]
    if quick:
        smoke, config = ROOT / "tests/workflow", folder / "config.yaml"
        told = yaml.safe_load((smoke / "smoke.yaml").read_text()) | {"molecules": str(smoke / "molecules.tsv")}
        write_text(config, yaml.safe_dump({name: told[name] for name in ("molecules", "engines", "kstep")}))
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "all",
        "--configfile",
        str(config),
        "--config",
        *values,
    ]
    subprocess.run([*command, "--", *(str(path.relative_to(ROOT)) for path in targets)], cwd=ROOT, check=True)


def _learned(row: Record) -> bool:
    return row.metric == "accepted_fraction" and row.member not in CONTROLS and row.split == "test"


def _evaluation(folder: Path, row: Record, seed: int) -> Path:
    return folder / row.molecule / "evaluate" / row.engine / f"k{row.k}" / row.member / f"seed{seed}.csv"


def evaluation(rows: list[Record]) -> list[dict[str, Any]]:
    """Records of the test molecules: the mean over seeds of each metric, with its floor and mark."""
    grouped: dict[tuple, list[Record]] = defaultdict(list)
    for row in rows:
        if row.split == "test" and row.metric in REPORTED and (row.seed == 0 or row.metric not in CLOCKED):
            grouped[row.molecule, row.member, row.engine, row.stride_fs, row.metric].append(row)
    records = []
    for (molecule, member, engine, stride, metric), group in sorted(grouped.items()):
        mean, floor = over_seeds([r.value for r in group]), over_seeds([r.floor for r in group])["value"]
        mark = METRICS[metric].mark if member not in CONTROLS else None
        judged = {"mark": mark.text, "met": bool(mark.met(mean["value"], floor))} if mark else {}
        setting = f"{engine}, {stride:g} fs"
        value = mean.pop("value")
        records.append(
            record(molecule, member, setting, metric, METRICS[metric].unit, value, **mean, floor=floor, **judged)
        )
    return records


if __name__ == "__main__":
    main()
