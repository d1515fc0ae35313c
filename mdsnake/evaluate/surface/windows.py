"""The test windows of a system, as arrays."""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int

from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import System, WindowSettings
from mdsnake.families.trajbert.data import about_of, load_windows
from mdsnake.store.walkers import load_walkers
from mdsnake.store.windows import WindowGroup, Windows

MOST_WINDOWS = 4096


@dataclasses.dataclass(frozen=True)
class TestWindows:
    """n windows of T frames.

    Attributes
    ----------
    x, v : positions and velocities, (n, T, 2)
    following : positions one frame later, (n, T, 2)
    state : basin entered next, −1 where none is, (n, T)
    start : frame of its trajectory that a window starts at, (n,)
    """

    __test__ = False  # not one of pytest's

    x: Float[np.ndarray, "n T 2"]
    v: Float[np.ndarray, "n T 2"]
    following: Float[np.ndarray, "n T 2"]
    state: Int[np.ndarray, "n T"]
    start: Int[np.ndarray, " n"]


def opened(windows: Path, system: System) -> tuple[WindowSettings, dict[str, WindowGroup]]:
    """What the windows are for, and the group of each split; those of another system are a `UserError`."""
    index = Windows.load(windows)
    about = about_of(index, windows)
    if about.system != system:
        raise UserError(f"{windows}: made for other dynamics; run `mdsnake window` for these")
    groups = {group.split: group for group in index.groups if group.starts}
    if lacking := {"train", "test"} - {*groups}:
        raise UserError(f"{windows}: no window of the split {min(lacking)}; simulate trajectories longer than a window")
    return about, groups  # type: ignore[return-value]


def load_test_windows(windows: Path, system: System) -> TestWindows:
    """At most `MOST_WINDOWS` of them, evenly spread."""
    about, groups = opened(windows, system)
    test = groups["test"]
    loaded = load_windows(test, about)
    chosen = np.unique(np.linspace(0, len(loaded) - 1, min(MOST_WINDOWS, len(loaded))).astype(int))
    batch = loaded.select(torch.from_numpy(chosen))
    shape = len(chosen), about.window.length
    walkers = load_walkers(Path(test.trajectory), system.record)
    starts = np.array(test.starts)[chosen]
    first = np.array([s.start for s in walkers.segments()])
    frames = starts[:, None] + np.arange(about.window.length)
    return TestWindows(
        x=batch.positions.double().numpy().reshape(*shape, 2),
        v=walkers.velocities[frames, 0, :2].astype(float),
        following=batch.next.double().numpy().reshape(*shape, 2),
        state=batch.state.numpy().reshape(shape),
        start=starts - first[np.searchsorted(first, starts, "right") - 1],
    )
