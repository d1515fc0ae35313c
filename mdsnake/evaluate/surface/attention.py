"""What maps of attention show: key frames, blocks near the diagonal, past and future."""

import numpy as np
from jaxtyping import Float

#: Share of the frames that may be key frames.
KEY = 0.1
Map = Float[np.ndarray, "frames frames"]


def key_share(attention: Map) -> float:
    """Attention to the `KEY` share of the frames that all together look at most.

    About `KEY` where all frames are looked at alike or each looks at its own, 1 where all look at a few.
    """
    looked_at = np.sort(attention.mean(0))
    return float(looked_at[-max(1, round(KEY * len(looked_at))) :].sum())


def local_excess(attention: Map, near: int) -> float:
    """Attention to frames at most `near` away, over what it would be if all that can be seen were seen alike."""
    seen = attention > 0
    frames = np.arange(len(attention))
    close = np.abs(frames[:, None] - frames) <= near
    even = seen / seen.sum(axis=1, keepdims=True)
    return float(attention[close].sum() / even[close].sum())


def future_over_past(attention: Map) -> float:
    """Attention to later frames over that to earlier ones, each weighted by how far away they are."""
    away = np.arange(len(attention)) - np.arange(len(attention))[:, None]
    past = -float((attention * away)[away < 0].sum())
    return float((attention * away)[away > 0].sum()) / past if past > 0 else np.inf


def by_difference(attention: Map) -> Float[np.ndarray, " differences"]:
    """Mean attention by the time difference from −(T − 1) to T − 1, 2 T − 1 numbers."""
    frames = len(attention)
    away = np.arange(frames) - np.arange(frames)[:, None] + frames - 1
    return np.bincount(away.ravel(), attention.ravel()) / np.bincount(away.ravel())
