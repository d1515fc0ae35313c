"""References cut to the frames and segments of a roll-out, so that both are measured in the same way."""

from pathlib import Path

import numpy as np

from mdsnake.errors import UserError
from mdsnake.store.h5md import Trajectory


def at_lag(trajectory: Trajectory, lag_ps: float, source: str | Path) -> Trajectory:
    """`trajectory` with frames `lag_ps` apart.

    Raises
    ------
    UserError
        The lag is no multiple of the time between the frames of `source`.
    """
    interval = round(lag_ps / trajectory.frame_ps)
    if interval < 1 or abs(interval * trajectory.frame_ps - lag_ps) > 1e-6 * lag_ps:
        raise UserError(
            f"{source}: frames every {1e3 * trajectory.frame_ps:g} fs do not meet the roll-out's lag of"
            f" {1e3 * lag_ps:g} fs; choose a record_fs that divides it and simulate again"
        )
    return trajectory.every(interval)


def in_pieces(trajectory: Trajectory, length: int, limit: int | None = None) -> Trajectory:
    """The same frames in segments of `length` of them, at most `limit` segments.

    Correlation times and spectra depend on how long a segment is; what is left over at the end of a segment
    is dropped, but a segment shorter than one piece stays whole.
    """
    keep: list[np.ndarray] = []
    for s in trajectory.segments():
        frames = np.arange(s.start, s.stop)
        whole = len(frames) // length
        keep += np.split(frames[: whole * length], whole) if whole else [frames]
    keep = keep[:limit]
    return trajectory.select(np.concatenate(keep), np.repeat(np.arange(len(keep)), [len(piece) for piece in keep]))


def alike(trajectory: Trajectory, rollout: Trajectory, source: str | Path, same_length: bool = False) -> Trajectory:
    """`trajectory` at the lag of `rollout` and in pieces as long as its segments; no more of them if `same_length`."""
    longest = max(s.stop - s.start for s in rollout.segments())
    limit = len(np.unique(rollout.segment)) if same_length else None
    return in_pieces(at_lag(trajectory, rollout.frame_ps, source), longest, limit)
