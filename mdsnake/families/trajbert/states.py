"""What the classifier is to tell: the basin that a trajectory enters next."""

import numpy as np
from jaxtyping import Float, Int

from mdsnake.physics.surface import SURFACES

#: Largest share of the frames outside of the basins that may take longer than the horizon to enter one.
UNDECIDED = 0.05


def next_basin(
    surface: str, positions: Float[np.ndarray, "frames 2"], segment: Int[np.ndarray, " frames"]
) -> Int[np.ndarray, " frames"]:
    """For each frame the basin, 0 or 1, that its segment enters next: its own inside one, −1 where it is not told.

    Outside of the basins it is told of frames that have at least `horizon` frames after them.  Later than that only
    fast entries are seen, and these are not to both basins alike.
    """
    basin, frames = SURFACES[surface].state(positions), np.arange(len(positions))
    ends = np.append(np.flatnonzero(np.diff(segment)), len(frames) - 1)
    after = ends[np.searchsorted(ends, frames)] - frames
    entered = np.minimum.accumulate(np.where(basin >= 0, frames, len(frames))[::-1])[::-1]
    wait = np.minimum(entered - frames, after + 1)
    told = (wait == 0) | ((wait <= after) & (after >= horizon(wait, after)))
    return np.where(told, basin[np.where(told, entered, 0)], -1)


def horizon(wait: Int[np.ndarray, " frames"], after: Int[np.ndarray, " frames"]) -> int:
    """The fewest frames within which all but `UNDECIDED` of the frames that have so many after them enter a basin.

    Frames within a basin do not count.  Where trajectories are too short for any, it is longer than all of them.

    Parameters
    ----------
    wait : frames until a basin is entered, after + 1 where none is
    after : frames that follow in the same trajectory
    """
    size, outside = after.max() + 3, wait > 0
    waiting, watched = (
        np.bincount(many[outside], minlength=size)[::-1].cumsum()[::-1][1:] for many in (wait, after + 1)
    )
    return int(np.argmax(waiting <= UNDECIDED * watched))
