"""How fast walkers go from basin to basin.  Frames whose position is not finite are in no basin."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

#: Lags, in units of the slowest time, between which a correlation falls by the slowest process alone.
FIRST_LAG, LAST_LAG = 0.1, 0.5
#: A fall of the logarithm of a correlation that is no more than rounding.
ROUNDING = 1e-9


class Passages(NamedTuple):
    """Frames whose last basin was A, and passages from A to B; the same of B."""

    frames_a: int
    a_to_b: int
    frames_b: int
    b_to_a: int


def last_basin(basin: Int[np.ndarray, "walkers frames"]) -> Int[np.ndarray, "walkers frames"]:
    """The basin, 0 or 1, that each frame's walker was in last; −1 before the first.  `basin` is −1 outside of both."""
    frames = np.arange(basin.shape[1])
    entered = np.maximum.accumulate(np.where(basin >= 0, frames, -1), axis=1)
    found = np.take_along_axis(basin, entered.clip(0), axis=1)
    return np.where(entered >= 0, found, -1)


def passages(basin: Int[np.ndarray, "walkers frames"]) -> Passages:
    """Counts over all walkers."""
    last = last_basin(basin)
    before, after = last[:, :-1], last[:, 1:]
    counts = [
        (int((before == one).sum()), int(((before == one) & (after == other)).sum())) for one, other in ((0, 1), (1, 0))
    ]
    return Passages(*counts[0], *counts[1])


def mean_first_passage(basin: Int[np.ndarray, "walkers frames"], record: float) -> tuple[float, int]:
    """Mean time from entering A to entering B, and the passages that it is a mean over; NaN where there is none.

    Time spent since A over the number of passages, which walks that end before they reach B do not bias.
    """
    found = passages(basin)
    return (record * found.frames_a / found.a_to_b, found.a_to_b) if found.a_to_b else (np.nan, 0)


def slowest_time(committor: Float[np.ndarray, "walkers frames"], record: float, expected: float) -> tuple[float, int]:
    """Time in which the correlation of the committor falls by e, and the walkers it is from.

    The committor is all but the slowest eigenfunction; between two lags, chosen by the `expected` time, what is left
    of the faster ones has gone.  Infinite where the correlation does not fall, NaN where the walkers are too short.
    """
    first, last = (max(1, round(share * expected / record)) for share in (FIRST_LAG, LAST_LAG))
    if last >= committor.shape[1] or last == first or not len(committor):
        return np.nan, 0
    away = committor - committor.mean()
    early, late = (float((away[:, lag:] * away[:, :-lag]).mean()) for lag in (first, last))
    if early <= 0 or late <= 0:
        return np.nan, len(committor)
    fall = np.log(early / late)
    return (record * (last - first) / fall if fall > ROUNDING else np.inf), len(committor)
