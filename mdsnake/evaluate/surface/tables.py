"""`mdsnake table --family trajbert`: every table by its name, as a page of sortable HTML."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mdsnake.errors import UserError
from mdsnake.evaluate.records import Score, read_records
from mdsnake.evaluate.sortable import Cell, element, page, words
from mdsnake.evaluate.surface.claims import order, verdicts
from mdsnake.evaluate.surface.metrics import METRICS
from mdsnake.store.atomic import write_text

PREDICTION = (
    "accuracy", "precision", "recall", "f1", "accuracy_last", "later_slice_change", "committor_rmse",
    "committor_regression_rmse", "next_mse_ratio", "next_mse_ratio_all",
)  # fmt: skip
GENERATION = (
    "density_js", "free_energy_error", "t2_ratio", "mfpt_ratio", "committor_error", "outside_fraction",
    "frames_per_second", "speed_ratio",
)  # fmt: skip


def claims(scores: Sequence[Score]) -> str:
    """What the source claims, a row for each model."""
    header = ["claim", "system", "model", "metric", "value", "criterion", "verdict"]
    rows = []
    for v in verdicts(scores):
        spread = f"{v.low:.3g} – {v.high:.3g}; " if v.n > 1 else ""
        value = Cell(f"{v.value:.4g}", repr(v.value), f"{spread}{v.held} of {v.n} seed{'s' * (v.n > 1)}")
        kind = "met" if v.reproduced else "missed"
        verdict = Cell(v.words, v.words, kind=kind)
        metric = METRICS[v.claim.metric].title
        about = map(words, (v.claim.text, v.system, v.member, metric))
        rows.append([*about, value, words(v.claim.criterion(v.member)), verdict])
    intro = (
        "A claim is reproduced where its criterion is met by more than half of the trainings. Criteria are set before "
        "the numbers are known, and computed from the table of all numbers."
    )
    used = {v.claim.metric for v in verdicts(scores)}
    return page("Claims of the source", intro, [("By model", element(header, rows))], _glossary(used))


def models(scores: Sequence[Score]) -> str:
    """Numbers of all models and baselines."""
    sections = []
    for heading, hows, metrics in (
        ("Prediction", ("prediction",), PREDICTION), ("Generation", ("sampled", "deterministic"), GENERATION)
    ):  # fmt: skip
        shown = [m for m in metrics if any(s.metric == m and s.how in hows for s in scores)]
        keys = {(s.system, s.member, s.how) for s in scores if s.how in hows and s.metric in shown}
        rows = [
            [*map(words, run), *(_cell([s for s in scores if s[:3] == run and s.metric == m]) for m in shown)]
            for run in sorted(keys, key=lambda key: (key[0], order(key[1]), key[2]))
        ]
        sections.append((heading, element(["system", "member", "how", *(METRICS[m].heading for m in shown)], rows)))
    intro = (
        "Means over seeds, with their range; the floor of the classification is the Bayes limit, that of a roll-out an "
        "independent simulation of the same length. Of langevin walkers neither committor nor Bayes limit is "
        "known, and times are set beside those of the simulation. Click a header to sort."
    )
    return page("Models and baselines", intro, sections, _glossary({*PREDICTION, *GENERATION}))


TABLES: dict[str, Callable[[Sequence[Score]], str]] = {"claims": claims, "models": models}


def table(name: str, summary: Path, out: Path) -> None:
    """Write the table `name` to `out` from the summary CSV."""
    if name not in TABLES:
        raise UserError(f"table: no {name!r}; choose from {', '.join(TABLES)}")
    scores = read_records(summary, Score)
    if not scores:
        raise UserError(f"{summary}: no rows for the table {name!r}; evaluate first")
    write_text(out, TABLES[name](scores))


def _cell(scores: Sequence[Score]) -> Cell:
    """Mean over seeds, with range, floor and mark."""
    finite = [s for s in scores if np.isfinite(s.value)]
    if not finite:
        return Cell("∞" if any(s.value == np.inf for s in scores) else "–", "")
    whole = len(finite) == len(scores)
    values, floors = [s.value for s in finite], [s.floor for s in finite if np.isfinite(s.floor)]
    mean, floor = float(np.mean(values)), float(np.mean(floors)) if floors else np.nan
    notes = [f"{min(values):.3g} – {max(values):.3g}"] if len(values) > 1 else []
    notes += [f"floor {floor:.3g}"] if floors else []
    notes += [] if whole else [f"{len(finite)} of {len(scores)} seeds have one"]
    notes += [f"n {sum(s.n for s in scores)}"]
    mark, kind = METRICS[finite[0].metric].mark, ""
    if mark and (floors or "floor" not in mark.text):
        kind, note = mark.verdict(whole and mark.met(mean, floor))
        notes.append(note)
    return Cell(f"{mean:.4g}", repr(mean), " · ".join(notes), kind)


def _glossary(metrics: set[str]) -> list[tuple[str, str]]:
    return [(METRICS[m].heading, METRICS[m].meaning) for m in METRICS if m in metrics]
