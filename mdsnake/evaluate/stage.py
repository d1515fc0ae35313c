"""`mdsnake evaluate`: a roll-out beside its reference and the noise floor."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from mdsnake.errors import UserError
from mdsnake.evaluate import cost
from mdsnake.evaluate.align import alike
from mdsnake.evaluate.compare import Sample, compare, drift
from mdsnake.evaluate.config import EvaluateSettings
from mdsnake.evaluate.curves import curves as draw_curves
from mdsnake.evaluate.exactness import exactness
from mdsnake.evaluate.metrics import METRICS, Mean
from mdsnake.evaluate.records import Record, write_records
from mdsnake.store.atomic import write_text
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory

NONE: Mean = (np.nan, 0)


def evaluate(
    prepared: str | Path,
    settings: EvaluateSettings,
    rollout: str | Path,
    nve: str | Path,
    reference: str | Path,
    replica: str | Path,
    history: Path | None,
    out: str | Path,
    curves: str | Path,
    pretraining: Path | None = None,
) -> None:
    """Write the metrics of `rollout` to the CSV `out`, and what figures draw to the JSON `curves`.

    Each metric compares the roll-out with `reference`; its floor compares `replica`, cut to the roll-out's length,
    with `reference` in the same way.  Both are read at the roll-out's lag and in pieces as long as its segments.
    `nve` is the run without thermostat, `history` the training's CSV (None for a control) and
    `pretraining` that of the training it started from.

    Raises
    ------
    UserError
        A file is missing or broken, its atoms are not the molecule's, or its frames do not meet the lag.
    """
    graph = MoleculeGraph.load(Path(prepared) / "graph.json")
    model, free = (_load(path, graph, finite=False) for path in (rollout, nve))
    first, second = (_load(path, graph) for path in (reference, replica))
    sample = Sample(model, graph)
    ground = Sample(alike(first, model, reference), graph)
    other = Sample(alike(second, model, replica, same_length=True), graph)

    values = compare(sample, ground, settings.temperature_K) | drift(free) | _cost(sample, model, first)
    values |= exactness(model, settings.temperature_K)
    floors = compare(other, ground, settings.temperature_K) | _cost(other, second, first)
    seconds = cost.preparation_seconds(history) + cost.preparation_seconds(pretraining) + cost.setup_seconds(model)
    if "reversibility_rms_nm" in free.counters:
        values["reversibility_pm"] = (1e3 * free.counters["reversibility_rms_nm"], len(list(free.segments())))
    values["break_even"] = (cost.break_even_ps(model, first, seconds), 1)

    write_records(out, [_record(settings, name, values[name], floors.get(name, NONE)) for name in values])
    drawn: dict[str, Any] = {
        "settings": settings.model_dump(),
        "frame_fs": 1e3 * model.frame_ps,
        "n": {"rollout": model.n_frames, "reference": ground.trajectory.n_frames, "replica": other.trajectory.n_frames},
        "curves": draw_curves(sample, ground, other, free),
    }
    write_text(curves, json.dumps(drawn) + "\n")


def _load(path: str | Path, graph: MoleculeGraph, finite: bool = True) -> Trajectory:
    trajectory = Trajectory.load(path, finite)
    if trajectory.numbers.tolist() != graph.numbers:
        raise UserError(f"{path}: its atoms are not those of {graph.name}; delete it and run again")
    return trajectory


def _cost(sample: Sample, whole: Trajectory, reference: Trajectory) -> dict[str, Mean]:
    """Cost by the counters of `whole`, of which `sample` may hold a part."""
    return {
        **cost.calls_and_time(whole, reference),
        "setup": (cost.setup_seconds(whole), 1),
        **cost.jump_outcomes(whole),
        **cost.effective_sample_size(sample.trajectory, sample.torsions, whole),
    }


def _record(settings: EvaluateSettings, metric: str, mean: Mean, floor: Mean) -> Record:
    return Record(
        molecule=settings.molecule,
        split=settings.split,
        engine=settings.engine,
        member=settings.member,
        k=settings.k,
        stride_fs=settings.stride_fs,
        seed=settings.seed,
        metric=metric,
        value=mean[0],
        floor=floor[0],
        n=mean[1],
        unit=METRICS[metric].unit,
    )
