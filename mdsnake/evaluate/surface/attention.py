"""What maps of attention show: key frames, blocks near the diagonal, past and future."""

import numpy as np
from jaxtyping import Float

Map = Float[np.ndarray, "frames frames"]


def key_share(attention: Map) -> float:
    """Share of the variance of a map, within what each frame may see, that is between its columns.

    1 where key frames are seen alike by all others, 0 where all are seen alike or each sees its own.
    """
    seen = attention > 0
    rows = attention * seen.sum(axis=1, keepdims=True)  # in causal maps early frames have fewer to look at
    values = rows[seen]
    columns = np.divide((rows * seen).sum(0), seen.sum(0), out=np.ones(len(rows)), where=seen.any(0))
    spread = np.var(values)
    return float(np.var(np.broadcast_to(columns, rows.shape)[seen]) / spread) if spread > 0 else 0.0


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
