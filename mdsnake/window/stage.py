"""Which pairs of frames a model is trained and tested on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mdsnake.errors import UserError
from mdsnake.families.kstep.config import WindowSettings
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory
from mdsnake.store.windows import WindowGroup, Windows


def window(settings: WindowSettings, prepared: Sequence[Path], trajectory: Sequence[Path], out: Path) -> None:
    """Write the windows of all molecules to `out`; `prepared` and `trajectory` run in parallel."""
    groups = []
    for folder, file in zip(prepared, trajectory, strict=True):
        graph, bursts = MoleculeGraph.load(folder / "graph.json"), Trajectory.load(file)
        if graph.name not in settings.splits:
            raise UserError(f"{folder}: {graph.name} has no split; add it to splits")
        bursts.check(graph.numbers, file, settings.jump.timestep_fs)
        starts = pair_starts(bursts, settings.jump.k, settings.stride)
        groups.append(WindowGroup(graph.name, settings.splits[graph.name], str(folder), str(file), starts))
    if not any(group.split == "train" for group in groups):
        raise UserError(f"{out}: no molecule is in the train split; give one the split `train` in the molecules table")
    if not any(group.split == "validation" for group in groups):
        groups = [part for group in groups for part in _hold_back(group, settings)]
    Windows(settings.jump.model_dump(), groups).save(out)


def pair_starts(trajectory: Trajectory, k: int, stride: int) -> list[int]:
    """First frames t of pairs (t, t + k) that lie within one segment, `stride` frames apart."""
    ranges = [np.arange(s.start, s.stop - k, stride) for s in trajectory.segments()]
    return np.concatenate(ranges).tolist() if ranges else []


def _hold_back(group: WindowGroup, settings: WindowSettings) -> list[WindowGroup]:
    """A training group parted in time, between two bursts: its last windows become validation."""
    kept = round(len(group.starts) * (1 - settings.validation_fraction))
    while 0 < kept < len(group.starts) and group.starts[kept] - group.starts[kept - 1] == settings.stride:
        kept -= 1
    if group.split != "train" or kept in (0, len(group.starts)):
        return [group]
    return [group.part("train", 0, kept), group.part("validation", kept, len(group.starts))]
