"""What the place tells of a jump's error, where it tells all and where it tells nothing."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from kstep_confidence import foreseeable, oracle

PLACES, VELOCITIES = 400, 32


def errors(spreads: np.ndarray, seed: int) -> np.ndarray:
    """ΔH in kT, normal about σ²/2, as of a reversible map that keeps volume."""
    normal = np.random.default_rng(seed).standard_normal((len(spreads), VELOCITIES))
    return spreads[:, None] ** 2 / 2 + spreads[:, None] * normal


def test_places_that_tell_all() -> None:
    spreads = np.where(np.arange(PLACES) % 2, 0.05, 5.0)
    full, half = errors(spreads, 0), errors(spreads / 50, 1)
    assert foreseeable(full, half) > 0.95
    taken = 0.980, 0.012  # of the full length, where it errs little and much; of half of it, where that errs much: 0.96
    assert oracle(full, half) == pytest.approx((taken[0] + 0.96 / 2) / sum(taken), abs=0.02)


def test_places_that_tell_nothing() -> None:
    spreads = np.full(PLACES, 0.5)
    full, half = errors(spreads, 0), errors(spreads / 4, 1)
    assert abs(foreseeable(full, half)) < 0.2
    assert oracle(full, half) == 1
    coin = errors(np.full(PLACES, 1.4), 2), errors(np.full(PLACES, 0.1), 3)  # half the length goes about as far
    assert oracle(*coin) == pytest.approx(1, abs=0.06), "what is chosen by chance wins nothing"
