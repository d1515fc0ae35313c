"""`mdsnake table`: every table by its name, as a page of sortable HTML."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from mdsnake.errors import UserError
from mdsnake.evaluate import style
from mdsnake.evaluate.aggregate import held_out, spread
from mdsnake.evaluate.cost import REASONS
from mdsnake.evaluate.metrics import METRICS
from mdsnake.evaluate.records import Record, read_records
from mdsnake.evaluate.sortable import Cell, element, page, words
from mdsnake.failures import read_failures
from mdsnake.inputs import read_rows
from mdsnake.store.atomic import write_text

ACCURACY = (
    "ke_ratio", "ke_ratio_error", "lag_rmsd_ratio", "bond_js", "angle_js", "torsion_js", "potential_js",
    "potential_shift", "potential_shift_error", "pair_distance_l1", "bond_rmse",
    *(f"temperature_{symbol}" for symbol in chemical_symbols[1:]),
    "torsion_step_ratio", "flip_rate_ratio", "torsion_time_ratio", "vdos_shift_1", "nve_drift", "nve_drift_per_atom",
)  # fmt: skip
COST = (
    "force_calls_per_ps", "energy_calls_per_ps", "network_calls_per_ps", "ms_per_ps", "force_call_saving",
    "wall_clock_speedup", "ess", "ess_per_force_call", "ess_per_second", "ess_potential",
    "ess_potential_per_force_call", "ess_potential_per_second", "setup", "break_even",
)  # fmt: skip
EXACT = (
    "accepted_fraction", "energy_error_spread", "boltzmann_factor", "boltzmann_factor_error", "turned_fraction",
    "effective_friction", "flip_rate_ratio", "torsion_time_ratio", "ess_per_second", "ess_potential_per_second",
)  # fmt: skip
REJECTIONS = (
    "accepted_fraction", "fallback_fraction", "lost_fraction", *(f"rejected_{reason}" for reason in REASONS),
    "projection_position", "projection_velocity",
)  # fmt: skip


def metrics_page(title: str, intro: str, metrics: Sequence[str]) -> Callable[[Path], str]:
    """A page with two tables of these metrics: medians over molecules, and every molecule."""

    def build(summary: Path) -> str:
        records = [r for r in read_records(summary) if r.metric in metrics]
        if not records:
            raise UserError(f"{summary}: no rows for the table {title!r}; evaluate first")
        shown = [m for m in metrics if any(r.metric == m and np.isfinite(r.value) for r in records)]
        test, kind = held_out(records)
        sections = [
            (f"Medians over {kind}", _table(test, shown, by_molecule=False)),
            ("Every molecule", _table(records, shown, by_molecule=True)),
        ]
        glossary = [(METRICS[m].heading, METRICS[m].meaning) for m in shown]
        return page(title, intro, sections, glossary)

    return build


def dropped(molecules: Path, failed: Path | None = None) -> str:
    """A page of the molecules that could not be used, of the jobs that failed, and of the molecules that passed."""
    rows = read_rows(molecules, "no such table of molecules; run the screen first", ("molecule", "status", "reason"))
    if not rows:
        raise UserError(f"{molecules}: the table has no rows; delete it and run the screen again")
    out = [r for r in rows if r["status"] != "ok"]
    used = [r for r in rows if r["status"] == "ok"]
    columns = [c for c in rows[0] if c not in ("status", "reason")]
    jobs = [job._asdict() for job in read_failures(failed)] if failed else []
    sections = [
        ("Dropped", _plain(["molecule", "reason", *columns[1:]], out) if out else "<p>None.</p>"),
        ("Failed", _plain(["molecule", "job", "reason", "log"], jobs) if jobs else "<p>None.</p>"),
        ("Used", _plain(columns, used)),
    ]
    intro = f"{len(used)} of {len(rows)} molecules were used, {len(out)} dropped."
    if jobs:
        count = len({job["molecule"] for job in jobs})
        intro += f" Jobs of {count} of those used failed; they are left out of what needs these jobs."
    return page("Molecules", intro, sections)


TABLES: dict[str, Callable[..., str]] = {
    "accuracy": metrics_page(
        "Accuracy",
        "Each value compares a roll-out with a reference run; its floor, the same value for a second reference run of"
        " at most the same length, is what chance alone gives. Marks: kinetic energy within 2 %, lag-RMSD within 5 %,"
        " bond divergence at most twice its floor. Click a header to sort.",
        ACCURACY,
    ),
    "cost": metrics_page(
        "Cost",
        "Calls and wall-clock time of the same run; the floor is a second run of the reference integrator. Fewer calls"
        " are worth something only where the time falls too. Times of this machine, under its load of that hour.",
        COST,
    ),
    "exactness": metrics_page(
        "Exactness",
        "Members with a Metropolis test sample the Boltzmann distribution whatever proposes their jumps, if the mean"
        " Boltzmann factor of ΔH is 1 within its error. Where none of its jumps is taken a walker turns"
        " round, which the kinetics show: read the flip ratio beside the share of turned frames. Members without these"
        " numbers are not exact.",
        EXACT,
    ),
    "rejections": metrics_page(
        "Rejected jumps",
        "A jump that fails a check is tried again, scaled down, and at last replaced by the reference integrator, so"
        " a jump may be refused several times. With many fall-backs a member is the reference integrator in disguise."
        " Members with a Metropolis test have no fall-back: from a refused jump they go on, or turn round.",
        REJECTIONS,
    ),
    "dropped": dropped,
}


def table(name: str, summary: str | Path, out: str | Path, failed: Path | None = None) -> None:
    """Write the table `name` as HTML; `summary` is the summary CSV, for `dropped` the screen's `molecules.csv`.

    `failed` is the workflow's table of failed jobs, for `dropped` alone.

    Raises
    ------
    UserError
        There is no such table, or the summary is missing or broken.
    """
    if name not in TABLES:
        raise UserError(f"table: no {name!r}; choose from {', '.join(TABLES)}")
    write_text(out, TABLES[name](Path(summary), *([failed] if failed else [])))


def _table(records: Sequence[Record], metrics: Sequence[str], by_molecule: bool) -> str:
    groups: dict[tuple, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for r in records:
        who = (r.molecule, r.split) if by_molecule else ()
        groups[(*who, r.engine, r.k, r.stride_fs, style.label(r.member))][r.metric].append(r)
    header = [*(["molecule", "split"] if by_molecule else []), "engine", "k", "stride / fs", "member"]
    rows = [
        [*map(words, key), *(_cell(metric, found[metric], by_molecule) for metric in metrics)]
        for key, found in sorted(groups.items())
    ]
    return element([*header, *(METRICS[m].heading for m in metrics)], rows)


def _cell(metric: str, records: Sequence[Record], by_molecule: bool) -> Cell:
    """The value, or the median over molecules with its range; floor, n and mark below."""
    found, base = spread(records), spread(records, "floor")
    if found is None:
        return Cell("–", "")
    notes = []
    values = [r.value for r in records if np.isfinite(r.value)]
    if not by_molecule:
        notes.append(f"{found.low:.3g} to {found.high:.3g}, {found.n} molecules")
    elif len(values) > 1:
        notes.append(f"{min(values):.3g} to {max(values):.3g}, {len(values)} seeds")
    if base:
        notes.append(f"floor {base.median:.3g}")
    if by_molecule:
        notes.append(f"n {sum(r.n for r in records)}")
    mark, kind = METRICS[metric].mark, ""
    if mark and (base or "floor" not in mark.text):
        kind, note = mark.verdict(mark.met(found.median, base.median if base else np.nan))
        notes.append(note)
        if kind == "missed" and base and not mark.met(base.median, base.median):
            notes.append("so does the floor")
    return Cell(f"{found.median:.4g}", repr(found.median), " · ".join(notes), kind)


def _plain(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    return element(columns, [[words(row[column]) for column in columns] for row in rows])
