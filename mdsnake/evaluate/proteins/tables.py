"""`mdsnake table --family backbone`: every table by its name, as a page of sortable HTML."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from mdsnake.errors import UserError
from mdsnake.evaluate.metrics import Mark
from mdsnake.evaluate.proteins.chains import NOT_COMPUTED
from mdsnake.evaluate.proteins.metrics import ALL, CONTROLS, GEOMETRY, MEMORISED, METRICS, VALID, WALKS
from mdsnake.evaluate.records import Score, read_records
from mdsnake.evaluate.sortable import Cell, element, page, words
from mdsnake.inputs import parse_json, read_text
from mdsnake.store.atomic import write_text

LIKENESS = ("nearest_training_tm", "pairwise_tm", "nearest_training_rmsd")
LEARNING = (
    "one_step_error", "one_step_rmsd", "noise_mean", "noise_mean_spread", "loss_end", "loss_end_spread", "noise_end",
    "noise_end_spread",
)  # fmt: skip
SPEED = ("seconds_per_chain",)
BY_T = ("loss_by_t", "loss_by_t_spread")


def models(scores: Sequence[Score]) -> str:
    """Numbers of all models, natives and controls."""
    designability = element(
        ["model", "scRMSD", "pLDDT", "designable"],
        [[words(member), *[words(NOT_COMPUTED)] * 3] for member in _members(scores) if member not in CONTROLS],
    )
    # Hardly any walk is valid, and those that look new are to stand beside what is new.
    proteins = [s for s in scores if s.how == (ALL if s.member == WALKS else VALID)]
    sections = [
        ("Geometry of all chains", _table(scores, ("valid_fraction", *GEOMETRY), (ALL,))),
        ("Likeness of all chains", _table(scores, LIKENESS, (ALL,))),
        ("Likeness of valid chains", _table(proteins, LIKENESS, (ALL, VALID))),
        ("Designability", designability),
        ("One step and training", _table(scores, LEARNING, ("training", "held-out"))),
        ("Loss by the share of all steps of noise", _table(scores, BY_T, _hows(scores, BY_T))),
        ("Speed", _table(scores, SPEED, _hows(scores, SPEED))),
    ]
    intro = (
        "Means over chains, and over seeds with their range. Held-out natives tell how like the training proteins a "
        "new protein is; random walks and mirror images are no proteins. What fails a check is no protein either, so "
        "novelty and diversity count among valid chains. Designability needs networks that fold sequences: "
        "docs/designability.md."
    )
    return page("Models and controls", intro, sections, _glossary(METRICS))


def memorised(scores: Sequence[Score]) -> str:
    """The three numbers of the memorisation test, and how many of the proteins samples are."""
    wanted = [
        ("one_step_error", "training"), ("one_step_rmsd", "training"), ("nearest_training_rmsd", ALL), ("covered", ALL),
    ]  # fmt: skip
    rows = [
        [words(member), *(_cell(scores, member, how, metric, MEMORISED.get(metric)) for metric, how in wanted)]
        for member in _members(scores)
        if member not in CONTROLS
    ]
    names = [metric for metric, _ in wanted]
    intro = (
        "Whether a network can learn a few proteins by heart. The first two numbers are of one step from a tenth of "
        "all steps of noise, where most of the protein still shows; only the last two are of structures sampled from "
        "nothing. A tenth of the steps is not the same noise to both kinds of model: 1.91 Å by coordinate for frames, "
        "1.20 Å for cartesian."
    )
    table = element(["model", *(METRICS[m].heading for m in names)], rows)
    return page("Memorisation", intro, [("By model", table)], _glossary(names))


class Card(BaseModel):
    """What the table shows of the card of a data set."""

    used: int
    dropped: dict[str, int]
    splits: dict[str, dict[str, int]]
    clusters: dict[str, Any]
    proteins: list[dict[str, Any]]


def data(path: Path) -> str:
    """The proteins that were used, and those that were not, by reason."""
    card = parse_json(Card, read_text(path, "no such card; run the window stage first"), str(path), "delete it")
    columns = ("protein", "source", "chain", "residues", "split", "cluster")
    used = [[words(row[name]) for name in columns] for row in card.proteins if not row["dropped"]]
    out = [[words(row[name]) for name in ("protein", "source", "dropped")] for row in card.proteins if row["dropped"]]
    counts = ", ".join(f"{count} by {reason}" for reason, count in card.dropped.items()) or "none"
    splits = ", ".join(f"{one['proteins']} in {one['clusters']} clusters {name}" for name, one in card.splits.items())
    intro = f"{card.used} proteins were used: {splits}. Dropped: {counts}. Proteins of one cluster share a split."
    sections = [
        ("Dropped", element(["protein", "source", "reason"], out) if out else "<p>None.</p>"),
        ("Used", element(columns, used)),
    ]
    return page("Proteins", intro, sections)


def table(name: str, summary: Path, out: Path) -> None:
    """Write the table `name` to `out` from the summary CSV, `data` from the card of the data set."""
    tables = {"models": models, "memorised": memorised}
    if name == "data":
        return write_text(out, data(summary))
    if name not in tables:
        raise UserError(f"table: no {name!r}; choose from {', '.join([*tables, 'data'])}")
    scores = read_records(summary, Score)
    if not scores:
        raise UserError(f"{summary}: no rows for the table {name!r}; evaluate first")
    write_text(out, tables[name](scores))


def _members(scores: Sequence[Score]) -> list[str]:
    """Models, then natives and controls."""
    return sorted({s.member for s in scores}, key=lambda member: (member in CONTROLS, member))


def _table(scores: Sequence[Score], metrics: Sequence[str], hows: Sequence[str]) -> str:
    runs = [
        (member, how)
        for member in _members(scores)
        for how in sorted(hows)
        if any((s.member, s.how) == (member, how) and s.metric in metrics for s in scores)
    ]
    rows = [
        [words(member), words(how), *(_cell(scores, member, how, metric) for metric in metrics)] for member, how in runs
    ]
    return element(["chains", "of", *(METRICS[m].heading for m in metrics)], rows)


def _hows(scores: Sequence[Score], metrics: Sequence[str]) -> tuple[str, ...]:
    """Of what there are such numbers."""
    return tuple({s.how for s in scores if s.metric in metrics})


def _cell(scores: Sequence[Score], member: str, how: str, metric: str, mark: Mark | None = None) -> Cell:
    """Mean over seeds, with range, n, floor and mark; controls have no mark."""
    found = [s for s in scores if (s.member, s.how, s.metric) == (member, how, metric) and np.isfinite(s.value)]
    if not found:
        return Cell("–", "")
    values, floors = [s.value for s in found], [s.floor for s in found if np.isfinite(s.floor)]
    mean, floor = float(np.mean(values)), float(np.mean(floors)) if floors else np.nan
    notes = [f"{min(values):.3g} – {max(values):.3g}"] if len(values) > 1 else []
    notes += [f"natives {floor:.3g}"] if floors else []
    notes.append(f"n {sum(s.n for s in found)}")
    mark, kind = mark or METRICS[metric].mark, ""
    if mark and member not in CONTROLS and how != "held-out":
        kind, note = mark.verdict(mark.met(mean, floor))
        notes.append(note)
    return Cell(f"{mean:.4g}", repr(mean), " · ".join(notes), kind)


def _glossary(metrics: Iterable[str]) -> list[tuple[str, str]]:
    return [(METRICS[m].heading, METRICS[m].meaning) for m in metrics]
