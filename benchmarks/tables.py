"""benchmarks/README.md from the committed results: no figure is typed by hand.

python benchmarks/tables.py            # writes it
python benchmarks/tables.py --check    # fails where it is not what the results say
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: For each result, the tables that are drawn from it: a title and the metrics that are its columns.  Every other
#: metric is in the JSON alone.  A result that is not named here is shown whole, a row for each record.
TABLES: dict[str, list[tuple[str, list[str]]]] = {
    "kstep": [
        ("Accuracy", ["ke_ratio", "lag_rmsd_ratio", "bond_js", "angle_js", "torsion_js", "flip_rate", "nve_drift"]),
        ("Cost", ["accepted_fraction", "force_call_saving", "wall_clock_speedup", "ms_per_ps", "break_even"]),
        (
            "Single jumps: transfer, and number of training molecules",
            ["jump_position_pm", "jump_velocity_relative", "jump_energy_median", "jump_acceptance"],
        ),
        ("Networks", ["equivariance_error", "momentum_change", "one_batch_loss_ratio"]),
    ],
    "growth": [
        ("Dry runs", ["jobs", "processor time", "processor time beside Snakemake's own", "peak memory"]),
    ],
    "slurm": [("By executor", ["first job", "wall clock", "overhead of a job"])],
    "slurm_faults": [("By stage", ["survived", "result equal", "work lost"])],
    "faults": [("By stage", ["survived", "result equal", "work lost", "simulation went on"])],
    "kstep_exact": [
        (
            "Exactness and kinetics",
            [
                "accepted_fraction",
                "energy_error_spread",
                "boltzmann_factor",
                "turned_fraction",
                "effective_friction",
                "flip_rate_ratio",
            ],
        ),
        (
            "Cost",
            [
                "force_calls_per_ps",
                "network_calls_per_ps",
                "ms_per_ps",
                "ess_per_force_call",
                "ess_per_second",
                "calls_per_sample_over_hmc",
                "faster_than_hmc",
            ],
        ),
        ("Structure", ["bond_js", "angle_js", "torsion_js", "potential_js", "ke_ratio"]),
        ("Temperature of each element", ["temperature_H", "temperature_C", "temperature_N", "temperature_O"]),
    ],
    "trajbert": [
        (
            "Prediction",
            [
                "accuracy",
                "below_bayes_limit",
                "precision",
                "recall",
                "f1",
                "accuracy_last",
                "committor_rmse",
                "next_mse_ratio",
            ],
        ),
        (
            "Generation",
            ["density_js", "free_energy_error", "t2_ratio", "mfpt_ratio", "committor_error", "outside_fraction"],
        ),
        ("Speed", ["frames_per_second", "speed_ratio"]),
        ("Claims of the source: share of seeds", ["reproduced"]),
    ],
    "backbone": [
        ("Memorisation and one step", ["one_step_error", "one_step_rmsd", "noise_mean", "noise_mean_spread"]),
        (
            "Training",
            ["trained_steps", "trained_cpu_minutes", "loss_end", "loss_end_spread", "noise_end", "noise_end_spread"],
        ),
        ("Loss in the course of training", ["loss_then", "noise_then"]),
        ("Loss by the share of all steps of noise", ["loss_by_t", "loss_by_t_spread"]),
        (
            "Geometry",
            [
                "valid_fraction",
                "worst_in_band",
                "bonds_in_band",
                "angles_in_band",
                "phi_positive",
                "clashes_per_100",
                "helix",
                "strand",
            ],
        ),
        ("Likeness", ["nearest_training_tm", "pairwise_tm", "nearest_training_rmsd", "covered"]),
        ("Speed", ["seconds_per_chain", "over_passes"]),
    ],
    "kstep_confidence": [
        ("What the place tells of a jump's error", ["σ(ΔH) by place, quartiles", "foreseeable", "oracle"]),
    ],
    "kstep_exact_data": [
        (
            "Single jumps against the amount of xTB data",
            ["jump_acceptance", "jump_energy_median", "jump_position_pm", "jump_velocity_relative"],
        ),
    ],
}
COLUMNS = ("system", "member", "setting", "metric", "value", "n", "floor", "mark", "met")
Record = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = (HERE / "head.md").read_text() + "".join(section(path) for path in sorted(HERE.glob("results/*.json")))
    readme = HERE / "README.md"
    if check and readme.read_text() != text:
        sys.exit("benchmarks/README.md: not what benchmarks/results says; run python benchmarks/tables.py")
    readme.write_text(text)


def section(path: Path) -> str:
    """A heading, where and when it was run, how many marks were met, and the tables."""
    runs = json.loads(path.read_text())["runs"]
    records = [one for run in runs for one in run["records"]]
    judged = [r for r in records if r["met"] is not None]
    lines = [f"\n## {path.stem}\n", *(f"{place(run, records)}\n" for run in runs)]
    unknown = sum(r["mark"] is not None and r["met"] is None for r in records)
    if judged:
        without = f"; {unknown} more have no value" if unknown else ""
        lines.append(f"{sum(r['met'] for r in judged)} of {len(judged)} marks met{without}.\n")
    for title, metrics in TABLES.get(path.stem, []):
        lines += [f"### {title}\n", pivot(records, metrics)]
    return "\n".join(lines if path.stem in TABLES else [*lines, listed(records)])


def place(run: dict[str, Any], records: list[Record]) -> str:
    """Machine, date and versions of a run, and whose records are its own where there are others."""
    whose = dict.fromkeys(f"{one['system']} {one['member']}" for one in run["records"])
    own = f"{', '.join(whose)}: " if len(run["records"]) < len(records) else ""
    versions = ", ".join(f"{name} {number}" for name, number in run["versions"].items())
    return f"{own}{run['machine']}; {run['date']}; {versions}."


def pivot(records: list[Record], metrics: list[str]) -> str:
    """A row for each setting, system and member, a column for each metric, with its mark where it has but one."""
    cells: dict[tuple[str, str, str], dict[str, str]] = {}
    heads = {metric: metric for metric in metrics}
    marks = {metric: {r["mark"] for r in records if r["metric"] == metric and r["mark"]} for metric in metrics}
    for record in records:
        name = record["metric"]
        if name in heads:
            row = cells.setdefault((record["setting"], record["system"], record["member"]), {})
            row[name] = shown(record) + (f" [{record['mark']}]" if record["mark"] and len(marks[name]) > 1 else "")
            heads[name] = name + (f", {record['unit']}" if record["unit"] != "1" else "")
            heads[name] += "".join(f" [{mark}]" for mark in marks[name] if len(marks[name]) == 1)
    rows = [[*key, *(row.get(metric, "") for metric in metrics)] for key, row in cells.items()]
    return grid(["setting", "system", "member", *heads.values()], rows)


def listed(records: list[Record]) -> str:
    """A row for each record."""
    used = [c for c in COLUMNS if any(r[c] not in (None, "") for r in records)]
    return grid(used, [[cell(record, column) for column in used] for record in records])


def grid(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(record: Record) -> str:
    """Value, half of its interval and floor; bold where it misses its mark."""
    half = "" if record["low"] is None else f" ± {(record['high'] - record['low']) / 2:.2g}"
    text = number(record["value"]) + half
    text = f"**{text}**" if record["met"] is False else text
    return text + ("" if record["floor"] is None else f" ({number(record['floor'])})")


def cell(record: Record, column: str) -> str:
    if column == "value":
        return shown(record | {"floor": None}) + ("" if record["unit"] in ("1", None) else f" {record['unit']}")
    if column == "met":
        return {True: "yes", False: "**no**", None: ""}[record["met"]]
    value = record[column]
    return number(value) if isinstance(value, float) else str(value if value is not None else "")


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}" if abs(value) < 1e5 else f"{value:.2e}"


if __name__ == "__main__":
    main()
