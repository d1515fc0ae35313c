"""Linear autoregression: the next frame, and the basin entered next, by least squares from the last frames."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

#: Frames that it looks back on; fewer at the beginning of a window, where the first one stands for those before.
ORDER = 4


class Linear(NamedTuple):
    """Weights of the last frames and of one, (2 · ORDER + 1, 3): of the next x and y, and of B; and the covariance of
    what is left of x and y, (2, 2)."""

    weights: Float[np.ndarray, "features 3"]
    noise: Float[np.ndarray, "2 2"]


def fit(x: Float[np.ndarray, "walkers frames 2"], state: Int[np.ndarray, "walkers frames"]) -> Linear:
    """From walkers x and the basins that they enter next, −1 where none is."""
    before, after, reached = features(x)[:, :-1], x[:, 1:], state[:, :-1]
    flat = before.reshape(-1, before.shape[-1])
    ahead, *_ = np.linalg.lstsq(flat, after.reshape(-1, 2), rcond=None)
    known = reached.ravel() >= 0
    basin, *_ = np.linalg.lstsq(flat[known], reached.ravel()[known].astype(float), rcond=None)
    left = after.reshape(-1, 2) - flat @ ahead
    return Linear(np.column_stack([ahead, basin]), np.cov(left.T))


def predict(linear: Linear, x: Float[np.ndarray, "windows frames 2"]) -> tuple[np.ndarray, np.ndarray]:
    """Next frames (n, T, 2), and what stands for the probability of B, (n, T)."""
    told = features(x) @ linear.weights
    return told[..., :2], told[..., 2].clip(0, 1)


def walk(
    linear: Linear, start: Float[np.ndarray, "walkers 2"], frames: int, rng: np.random.Generator
) -> Float[np.ndarray, "walkers frames 2"]:
    """The frames after `start`, with Gaussian noise of what the fit has left."""
    x = np.repeat(start[:, None], ORDER, axis=1)
    noise = rng.multivariate_normal(np.zeros(2), linear.noise, (frames, len(start)))
    made = np.empty((len(start), frames, 2))
    for frame in range(frames):
        made[:, frame] = features(x)[:, -1] @ linear.weights[:, :2] + noise[frame]
        x = np.concatenate([x[:, 1:], made[:, frame, None]], axis=1)
    return made


def features(x: Float[np.ndarray, "*walkers frames 2"]) -> Float[np.ndarray, "*walkers frames features"]:
    """Each frame, those before it, and one."""
    frames = x.shape[-2]
    back = (np.arange(frames)[:, None] - np.arange(ORDER)).clip(0)
    seen = x[..., back, :].reshape(*x.shape[:-1], 2 * ORDER)
    return np.concatenate([seen, np.ones((*seen.shape[:-1], 1))], axis=-1)
