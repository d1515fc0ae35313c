import numpy as np
import pytest

from mdsnake.evaluate.autocorrelation import autocorrelation, effective_samples, integrated_time, is_settled


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_autoregressive_series(memory, correlated):
    """ρ(t) = a^t, so τ = ½ + a/(1 − a) and N·(1 − a)/(1 + a) samples are independent."""
    series = correlated(np.random.default_rng(0), 40000, memory)[:, 0]
    whole = [slice(0, 40000)]
    assert integrated_time(series, whole) == pytest.approx(0.5 + memory / (1 - memory), rel=0.1)
    assert effective_samples(series, whole) == pytest.approx(40000 * (1 - memory) / (1 + memory), rel=0.1)
    np.testing.assert_allclose(autocorrelation(series, whole)[:4], memory ** np.arange(4), atol=0.05)


def test_only_pairs_within_segments_count(correlated):
    rng = np.random.default_rng(1)
    pieces = [slice(200 * i, 200 * i + 200) for i in range(200)]
    series = np.concatenate([correlated(rng, 200, 0.8)[:, 0] for _ in pieces])
    assert integrated_time(series, pieces) == pytest.approx(4.5, rel=0.1)


def test_segments_stuck_in_different_states_are_not_independent_frames():
    stuck = np.repeat([-1.0, 1.0, 1.0, -1.0], 100)
    pieces = [slice(100 * i, 100 * i + 100) for i in range(4)]
    assert effective_samples(stuck, pieces) < 5
    assert not is_settled(stuck, pieces), "they tell nothing of how long a state lasts"


@pytest.mark.parametrize(("memory", "settled"), [(0.5, True), (0.98, False)])
def test_a_series_is_settled_where_segments_outlast_its_memory(memory, settled, correlated):
    rng, pieces = np.random.default_rng(2), [slice(100 * i, 100 * i + 100) for i in range(16)]
    series = np.concatenate([correlated(rng, 100, memory)[:, 0] for _ in pieces])
    assert is_settled(series, pieces) == settled


def test_a_constant_is_worth_one_sample():
    assert np.isnan(integrated_time(np.full(50, 3.0), [slice(0, 50)]))
    assert effective_samples(np.full(50, 3.0), [slice(0, 50)]) == 1
    assert is_settled(np.full(50, 3.0), [slice(0, 50)])
