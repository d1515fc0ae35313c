"""Maps of which it is known what they show."""

import numpy as np
import pytest

from mdsnake.evaluate.surface.attention import by_difference, future_over_past, key_share, local_excess

FRAMES = 40
EVEN = np.full((FRAMES, FRAMES), 1 / FRAMES)
CAUSAL = np.tril(np.ones((FRAMES, FRAMES))) / np.arange(1, FRAMES + 1)[:, None]


def keys() -> np.ndarray:
    """Three key frames, seen alike by all."""
    weights = np.ones(FRAMES)
    weights[[5, 17, 30]] = 20
    return np.broadcast_to(weights / weights.sum(), (FRAMES, FRAMES))


def near() -> np.ndarray:
    """Each frame looks at those around it."""
    away = np.abs(np.arange(FRAMES)[:, None] - np.arange(FRAMES))
    weights = np.exp(-away / 2.0)
    return weights / weights.sum(1, keepdims=True)


def test_key_frames() -> None:
    assert key_share(keys()) == pytest.approx(1)
    assert key_share(near()) < 0.05
    assert key_share(EVEN) == key_share(CAUSAL) == 0


def test_blocks_near_the_diagonal() -> None:
    assert local_excess(near(), 5) > 3
    for flat in (EVEN, CAUSAL, keys()):
        assert local_excess(flat, 5) == pytest.approx(1, abs=0.35)


def test_past_and_future() -> None:
    assert future_over_past(EVEN) == pytest.approx(1)
    assert future_over_past(CAUSAL) == 0
    assert future_over_past(CAUSAL.T) == np.inf


def test_by_time_difference() -> None:
    found = by_difference(CAUSAL)
    assert len(found) == 2 * FRAMES - 1
    assert found[0] == pytest.approx(CAUSAL[-1, 0])
    assert (found[FRAMES:] == 0).all()
    np.testing.assert_allclose(by_difference(EVEN), 1 / FRAMES)
