"""Is the basin that a walker enters next told right, and how right could it be?"""

import numpy as np
from jaxtyping import Float, Int

from mdsnake.evaluate.metrics import Mean
from mdsnake.evaluate.surface.metrics import Found


def classified(
    told: Float[np.ndarray, "n T"], q: Float[np.ndarray, "n T"] | None, state: Int[np.ndarray, "n T"]
) -> Found:
    """Scores of the probabilities of B that are `told` for frames of windows, and how close they are to the committor.

    Without an exact committor q there is neither a limit nor a distance from it.
    """
    called = (told > 0.5).astype(int)
    found: Found = {name: (mean, np.nan) for name, mean in scores(called.ravel(), state.ravel()).items()}
    last = scores(called[:, -1], state[:, -1])["accuracy"]
    if q is None:
        return found | {"accuracy_last": (last, np.nan)}
    found["accuracy"] = found["accuracy"][0], bayes_accuracy(q, state)
    found["accuracy_last"] = last, bayes_accuracy(q[:, -1], state[:, -1])
    away = float(np.sqrt(np.mean((told[:, -1] - q[:, -1]) ** 2)))
    return found | {"committor_rmse": ((away, len(q)), np.nan)}


def scores(predicted: Int[np.ndarray, " n"], state: Int[np.ndarray, " n"]) -> dict[str, Mean]:
    """Accuracy, precision, recall and F1, the last three as means over the two basins by their frames.

    Frames whose `state` is −1 are left out.
    """
    known = state >= 0
    predicted, state, n = predicted[known], state[known], int(known.sum())
    if not n:
        return dict.fromkeys(("accuracy", "precision", "recall", "f1"), (np.nan, 0))
    parts = np.zeros((2, 4))
    for basin in (0, 1):
        hit = np.sum((predicted == basin) & (state == basin))
        called, there = np.sum(predicted == basin), np.sum(state == basin)
        precision, recall = (hit / of if of else 0.0 for of in (called, there))
        f1 = 2 * hit / (called + there) if called + there else 0.0
        parts[basin] = there, precision, recall, f1
    means = np.average(parts[:, 1:], axis=0, weights=parts[:, 0])
    named = zip(("precision", "recall", "f1"), means, strict=True)
    return {"accuracy": (float(np.mean(predicted == state)), n)} | {name: (float(mean), n) for name, mean in named}


def bayes_accuracy(committor: Float[np.ndarray, " n"], state: Int[np.ndarray, " n"]) -> float:
    """What is right most often for overdamped walkers: to tell B where the committor is above ½."""
    known = committor[state >= 0]
    return float(np.maximum(known, 1 - known).mean()) if len(known) else np.nan


def regression_error(inputs: Float[np.ndarray, "n D"], q: Float[np.ndarray, " n"]) -> float:
    """Root mean square error of q by linear regression on `inputs`, fitted on half of the rows."""
    columns = np.column_stack([inputs, np.ones(len(inputs))])
    fitted = np.linalg.lstsq(columns[::2], q[::2], rcond=None)[0]
    return float(np.sqrt(np.mean((columns[1::2] @ fitted - q[1::2]) ** 2)))


def slices(correct: Float[np.ndarray, "windows length"], start: Int[np.ndarray, " windows"]) -> dict[str, list[float]]:
    """Share of the frames told right by the frame of the trajectory that a window starts at; `correct` is NaN where
    nothing is to be told."""
    found = {int(s): correct[start == s] for s in np.unique(start)}
    found = {s: rows[np.isfinite(rows).any(axis=1)] for s, rows in found.items()}
    found = {s: rows for s, rows in found.items() if len(rows)}
    means = {s: np.nanmean(rows, axis=1) for s, rows in found.items()}
    return {
        "start": [float(s) for s in means],
        "value": [float(m.mean()) for m in means.values()],
        "error": [float(m.std() / np.sqrt(len(m))) for m in means.values()],
    }


def change(found: dict[str, list[float]]) -> tuple[float, float]:
    """How much the slices after the first are better than it, as a mean over them, and its standard error.

    Slices of one trajectory are not independent, so the error is that of a single one.
    """
    value, error = np.array(found["value"]), np.array(found["error"])
    if len(value) < 2:
        return np.nan, np.nan
    return float(value[1:].mean() - value[0]), float(np.hypot(error[0], error[1:].mean()))
