"""Exact learned members on one's own molecule and on molecules that no network has seen, beside every control.

Runs the workflow on config/exact.yaml with the molecules and strides asked for, networks compiled, one job at a time,
in the folder --work; interrupted, it goes on where it stopped.  Times are of sampling: compiling, 5 s to a minute of a
roll-out, and the pilots of hmc come on top.  Seeds are those of roll-outs; models are trained once, and what their data
and training cost is in no ratio.  Parts may be run one by one: the records of molecules and strides that are not asked
for stay in the file; ratios are to `hmc` at the best of the strides that are run together.

    python benchmarks/kstep_exact.py --out benchmarks/results/kstep_exact.json
    python benchmarks/kstep_exact.py --molecules ethanol --strides 8 16 --out part.json
    python benchmarks/kstep_exact.py --molecules ethanol --strides 4 --scale 0.5 --out part.json

The record is of such parts: 8 and 16 fs together, and 4 fs half as long, but for methyl-lactate (0.6 times) and the two
large molecules (as long).
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from exact_runs import FEW_BURSTS, MEMBER, OWN, STRIDES_FS, UNSEEN, arguments, configuration, make, pretrained, steps
from exact_samples import Estimate, samples
from record import over_seeds, record, write

from mdsnake.evaluate.metrics import METRICS
from mdsnake.evaluate.records import Record, read_records
from mdsnake.store.graph import MoleculeGraph

#: Their dynamics do not depend on the stride, at which alone they are looked at.
PLAIN = ("verlet", "verlet-double", "verlet-stable")
#: Controls that cost much and tell little: samples of the learned member are held against those of the others.
BRIEF = ("verlet", "verlet-double", "hmc-mm", "respa")
REPORTED = (
    "accepted_fraction", "energy_error_spread", "boltzmann_factor", "boltzmann_factor_error", "turned_fraction",
    "effective_friction", "force_calls_per_ps", "network_calls_per_ps", "ms_per_ps", "bond_js", "angle_js",
    "torsion_js", "potential_js", "pair_distance_l1", "flip_rate", "flip_rate_ratio", "torsion_time_ratio", "ke_ratio",
    "reversibility_pm", *(metric for metric in METRICS if metric.startswith("temperature_")),
)  # fmt: skip
#: Runs of the learned member at the engine's friction, at which its rates are to be those of the reference.
RATES, RATES_SEED = ", the engine's friction", 100
OF_RATES = ("effective_friction", "flip_rate", "flip_rate_ratio", "torsion_time_ratio")
#: What the kinetic energy may be off before samples count for nothing.
WARM = 0.2
Groups = dict[tuple[float, str, str], list[Record]]  # by stride in fs, member and metric: a row for each seed


class Runs(NamedTuple):
    """Lengths in ps, of all walkers of a roll-out together: `ps` of the learned member, of hmc and of verlet-stable;
    and the training of one's own molecule, where it is not that of config/exact.yaml."""

    ps: float
    brief_ps: float
    rates_ps: float  # of the learned member, once more at the engine's friction
    reference_ps: float  # of each of the two references
    walkers: int = 8
    bursts: int | None = None  # of 0.1 ps
    max_steps: int | None = None


RUNS = {
    "ethanol": Runs(240, 8, 160, 100),
    "aspirin": Runs(16, 2, 16, 10, walkers=4, bursts=150, max_steps=8_000),
    "alanine-dipeptide": Runs(20, 2, 20, 10, bursts=150, max_steps=10_000),
    "n-methylacetamide": Runs(80, 4, 80, 10),
    "1-propanol": Runs(80, 8, 80, 20),
    "methyl-lactate": Runs(40, 4, 40, 20),
}


def main() -> None:
    parser = arguments(__doc__, [*OWN, *UNSEEN])
    parser.add_argument("--strides", nargs="+", type=int, choices=STRIDES_FS, default=STRIDES_FS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1, help="of the lengths of all roll-outs")
    parser.add_argument("--quick", action="store_true", help="a toy run: checks the script, not the model")
    told = parser.parse_args()
    told.work = told.work.resolve()
    records = [one for name in told.molecules for one in molecule(name, told)]
    write(told.out, records, lambda one: (one["system"], one["setting"].split()[0]))


def molecule(name: str, told: argparse.Namespace) -> list[dict[str, Any]]:
    """The records of a molecule: its own training, or a fine-tuning of what the others taught."""
    runs = RUNS[name]
    changes: dict[str, Any] = {"bursts": runs.bursts, "max_steps": runs.max_steps}
    if name in UNSEEN:
        changes = {"bursts": FEW_BURSTS, "init": pretrained(told.work, told.quick)}
    changes["rollout"] = {"start": "replica"}  # at equilibrium, as ESS supposes
    configured = configuration(name, reference_ps=runs.reference_ps, smoke=told.quick, **changes)
    seeds, rates_seeds = (range(first, first + told.seeds) for first in (0, RATES_SEED))
    configured["kstep"] |= {"controls": [*BRIEF, "verlet-stable", "hmc"], "seeds": [*seeds, *rates_seeds]}

    def evaluated(stride: int, member: str, seeds: range) -> list[str]:
        return [f"{name}/evaluate/qm/k{steps(stride, name)}/{member}/seed{seed}.csv" for seed in seeds]

    plain_at = min(told.strides, key=lambda stride: abs(stride - 8))
    files = {
        (stride, member): evaluated(stride, member, seeds)
        for stride in told.strides
        for member in (MEMBER, *configured["kstep"]["controls"])
        if member not in PLAIN or stride == plain_at
    }
    brief = [file for (_, member), found in files.items() for file in found if member in BRIEF]
    whole = [file for (_, member), found in files.items() for file in found if member not in BRIEF]
    rates = [file for stride in told.strides for file in evaluated(stride, MEMBER, rates_seeds)]
    rollout = configured["kstep"]["engines"]["qm"]["rollout"]
    for part, ps, friction in ((brief, runs.brief_ps, "auto"), (whole, runs.ps, "auto"), (rates, runs.rates_ps, None)):
        rollout["friction_per_ps"] = friction
        if not told.quick:
            rollout |= {"walkers": runs.walkers, "time_ps": told.scale * ps / runs.walkers, "compile": True}
        targets = [f"results/{file}" for file in (*part, *map(rolled, part))]
        results = make(told.work / name, {name: (OWN | UNSEEN)[name]}, configured, targets)
    groups, again = (grouped([results / file for file in part]) for part in (brief + whole, rates))
    graph = MoleculeGraph.load(results / name / "prepare/graph.json")
    sampled = {
        key: samples([results / rolled(file) for file in found], graph)
        for key, found in files.items()
        if is_warm(groups, *key)
    }
    found = measured(name, groups, graph.n_atoms) + sampling(name, sampled, graph.n_atoms)
    return found + measured(name, again, graph.n_atoms, OF_RATES, RATES)


def rolled(file: str) -> str:
    """The trajectory that an evaluation is of."""
    return file.replace("/evaluate/", "/rollout/").replace(".csv", ".h5")


def grouped(files: Sequence[Path]) -> Groups:
    groups: Groups = defaultdict(list)
    for row in (row for file in files for row in read_records(file)):
        groups[row.stride_fs, row.member, row.metric].append(row)
    return groups


def measured(
    name: str, groups: Groups, atoms: int, reported: Sequence[str] = REPORTED, also: str = ""
) -> list[dict[str, Any]]:
    """The mean over seeds of each metric, with its floor and mark; `also` is said of the setting."""
    records = []
    for (stride, member, metric), rows in sorted(groups.items()):
        if metric not in reported:
            continue
        mean, floor = over_seeds([row.value for row in rows]), over_seeds([row.floor for row in rows])["value"]
        value, judged = mean.pop("value"), {}
        if member == MEMBER and value == value:
            error = over_seeds([row.value for row in groups[stride, member, "boltzmann_factor_error"]])["value"]
            judged = mark(metric, value, floor, stride, name, atoms, error / len(rows) ** 0.5, also == RATES)
        setting, unit = described(stride, member, name) + also, METRICS[metric].unit
        records.append(record(name, member, setting, metric, unit, value, **mean, floor=floor, **judged))
    return records


def mark(
    metric: str, value: float, floor: float, stride: float, name: str, atoms: int, error: float, alike: bool
) -> dict[str, Any]:
    """What the learned member should reach; `error` is the standard error of its mean Boltzmann factor.

    Rates are held against the reference's where friction is `alike`.
    """
    accepted = {8: 0.7} if name in UNSEEN else {8: 0.95, 16: 0.8} if atoms < 12 else {8: 0.8, 16: 0.5}
    if metric == "accepted_fraction" and stride in accepted:
        return {"mark": f"≥ {accepted[stride]:g}", "met": value >= accepted[stride]}
    if metric == "boltzmann_factor":
        return {"mark": "1 ± 3 s.e.", "met": abs(value - 1) <= 3 * error}
    if metric in ("bond_js", "angle_js"):
        return {"mark": "≤ 1.2 × floor", "met": value <= 1.2 * floor}
    if metric == "flip_rate_ratio" and alike:
        return {"mark": "0.9–1.1", "met": 0.9 <= value <= 1.1}
    return {}


def is_warm(groups: Groups, stride: float, member: str) -> bool:
    """Whether it samples the temperature asked for: else its samples count for nothing."""
    return abs(over_seeds([row.value for row in groups[stride, member, "ke_ratio"]])["value"] - 1) < WARM


def sampling(name: str, sampled: dict[tuple[float, str], dict[str, Estimate]], atoms: int) -> list[dict[str, Any]]:
    """Effective samples of all seeds together, and their costs over those of `hmc` at the stride where it does best.

    By the slowest observable, which the marks are for and which only long walkers settle, and by the potential energy.
    """
    records = [
        record(name, member, described(stride, member, name), metric, METRICS[metric].unit, **one.bounded)
        for (stride, member), found in sorted(sampled.items())
        for metric, one in found.items()
    ]
    for per, of in (("force_call", "calls_per_sample_over_hmc"), ("second", "faster_than_hmc")):
        for size, by in (("ess", ""), ("ess_potential", ", potential energy")):
            rates = {key: found[f"{size}_per_{per}"] for key, found in sorted(sampled.items())}
            best = max((one for key, one in rates.items() if key[1] == "hmc"), key=lambda one: np.nan_to_num(one.value))
            for (stride, member), rate in rates.items():
                calls = per == "force_call"
                ratio = rate.over(best)
                ratio, judged = ratio.inverse if calls else ratio, {}
                most, least = {8: 0.2, 16: 0.125}.get(stride), 3 if atoms < 12 else 5
                known = bool(np.isfinite(ratio.value))
                if member == MEMBER and not by and calls and most:
                    judged = {"mark": f"≤ {most:g}", "met": ratio.value <= most if known else None}
                elif member == MEMBER and not by and name in OWN and not calls and stride >= 8:
                    judged = {"mark": f"≥ {least}", "met": ratio.value >= least if known else None}
                setting = described(stride, member, name) + by
                records.append(record(name, member, setting, of, "1", **ratio.bounded, **judged))
    return records


def described(stride: float, member: str, name: str) -> str:
    """The setting of a record."""
    learned_from = "2 ps of fine-tuning" if name in UNSEEN else "own molecule"
    return f"{stride:g} fs" + (f", {learned_from}" if member == MEMBER else "")


if __name__ == "__main__":
    main()
