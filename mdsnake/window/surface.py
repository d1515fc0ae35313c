"""Which frames a trajectory model sees at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from mdsnake.config import Split
from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import WindowSettings
from mdsnake.store.walkers import load_walkers
from mdsnake.store.windows import WindowGroup, Windows
from mdsnake.window.stage import pair_starts


def window_surface(settings: WindowSettings, prepared: Sequence[Path], trajectory: Sequence[Path], out: Path) -> None:
    """Write the windows of the system's trajectories to `out`: one file a split, each named after its split.

    A window is its `length` frames and the one after them, all of one walker.
    """
    groups = []
    for folder, file in zip(prepared, trajectory, strict=True):
        split = next((split for split in get_args(Split) if split == file.stem), None)
        if split is None:
            raise UserError(f"{file}: its name tells no split; name it train.h5, validation.h5 or test.h5")
        walkers = load_walkers(file, settings.system.record)
        starts = pair_starts(walkers, settings.window.length, settings.window.stride)
        if settings.window.first_only and split != "test":
            starts = sorted({segment.start for segment in walkers.segments()} & {*starts})
        groups.append(WindowGroup(settings.name, split, str(folder), str(file), starts))
    if not any(group.starts for group in groups if group.split == "train"):
        raise UserError(f"{out}: no window to train on; lower window.length or raise trajectories.train.frames")
    Windows(settings.model_dump(mode="json"), groups).save(out)
