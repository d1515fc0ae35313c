"""Autocorrelation of series that come in segments."""

from collections.abc import Iterable

import numpy as np

WINDOW = 5.0  # the sum stops at this many autocorrelation times


def autocorrelation(series: np.ndarray, segments: Iterable[slice]) -> np.ndarray:
    """Normalised autocorrelation (lags,) of `series` (F,), real or complex, over the pairs inside segments.

    The mean is taken over all segments: a short segment that stays in one state is correlated, not constant.
    All NaN where the series never changes.
    """
    deviation = series - series.mean()
    pieces = [deviation[s] for s in segments]
    longest = max(len(piece) for piece in pieces)
    total, pairs = np.zeros(longest), np.zeros(longest)
    for piece in pieces:
        n = len(piece)
        spectrum = np.fft.fft(piece, 2 * n)
        total[:n] += np.fft.ifft(np.abs(spectrum) ** 2).real[:n]
        pairs[:n] += np.arange(n, 0, -1)
    covariance = total / pairs
    if covariance[0] <= 1e-12 * (1e-12 + np.mean(np.abs(series)) ** 2):
        return np.full(longest, np.nan)
    return covariance / covariance[0]


def integrated_time(series: np.ndarray, segments: Iterable[slice]) -> float:
    """Integrated autocorrelation time ½ + Σ ρ(t), in frames; NaN where the series never changes.

    The sum ends at the first lag that is `WINDOW` times its own value
    (Sokal, "Monte Carlo methods in statistical mechanics", 1997, section 3).  Where segments are shorter it goes over
    all lags, and is the less for it: see `is_settled`.
    """
    return _summed(autocorrelation(series, segments))[0]


def is_settled(series: np.ndarray, segments: Iterable[slice]) -> bool:
    """Whether segments are long enough for the autocorrelation time of `series`, or it never changes.

    Else its samples are little more than the segments, however well or ill the series goes through its values.
    """
    return _summed(autocorrelation(series, segments))[1]


def _summed(rho: np.ndarray) -> tuple[float, bool]:
    """The sum, and whether it ends before the last lag."""
    times = np.cumsum(rho) - 0.5
    closed = np.flatnonzero(~(np.arange(len(rho)) < WINDOW * times))
    return float(times[closed[0] if len(closed) else -1]), len(closed) > 0


def standard_error(series: np.ndarray, segments: Iterable[slice]) -> float:
    """Standard error of the mean of `series` (F,), from the number of independent samples that it is worth."""
    return float(series.std() / np.sqrt(effective_samples(series, segments)))


def effective_samples(series: np.ndarray, segments: Iterable[slice]) -> float:
    """Number of independent samples that `series` (F,) is worth; one that never changes is worth one."""
    time = integrated_time(series, segments)
    return 1.0 if np.isnan(time) else float(len(series) / max(2 * time, 1.0))
