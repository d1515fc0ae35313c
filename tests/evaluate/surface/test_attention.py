"""Maps of which it is known what they show."""

import numpy as np
import pytest
import torch

from mdsnake.evaluate.surface.attention import by_difference, future_over_past, key_share, local_excess
from mdsnake.evaluate.surface.stage import NEAR, looks
from mdsnake.evaluate.surface.windows import TestWindows
from mdsnake.families.trajbert.attention import attention
from tests.families.trajbert.toys import toy_model, walkers

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
    assert key_share(keys()) == pytest.approx((3 * 20 + 1) / (3 * 20 + 37)), "the three, and one more of the forty"
    assert key_share(EVEN) == pytest.approx(0.1)
    assert key_share(near()) < 0.15
    assert key_share(np.eye(FRAMES)) == pytest.approx(0.1), "each looks at its own"


def test_blocks_near_the_diagonal() -> None:
    assert local_excess(near(), 5) > 3
    for flat in (EVEN, CAUSAL, keys()):
        assert local_excess(flat, 5) == pytest.approx(1, abs=0.35)


def test_past_and_future() -> None:
    assert future_over_past(EVEN) == pytest.approx(1)
    assert future_over_past(CAUSAL) == 0
    assert future_over_past(CAUSAL.T) == np.inf


def test_past_and_future_weigh_the_time_between() -> None:
    """One frame that looks three back and one ahead, by 0.2 and 0.3."""
    looks_once = np.zeros((5, 5))
    looks_once[3, [0, 3, 4]] = 0.2, 0.5, 0.3
    assert future_over_past(looks_once) == pytest.approx(0.3 * 1 / (0.2 * 3))


def test_a_band_of_what_causal_frames_see() -> None:
    band = np.tril(CAUSAL > 0) & ~np.tril(CAUSAL > 0, -4)
    frames = np.minimum(np.arange(1, FRAMES + 1), 4)
    assert local_excess(band / frames[:, None], 3) == pytest.approx(1), "all that can be seen is near"
    padded = np.where(band, 1.0, np.where(CAUSAL > 0, 1e-9, 0))
    expected = FRAMES / (frames / np.arange(1, FRAMES + 1)).sum()
    assert local_excess(padded / padded.sum(1, keepdims=True), 3) == pytest.approx(expected, rel=1e-6)


def test_a_model_is_judged_by_its_last_layer() -> None:
    """The first looks at all alike, as its queries are zero; the last at some."""
    model, x = toy_model("bidirectional"), walkers()[:3, :12]
    with torch.no_grad():
        for layer, sharpness in zip(model.encoder.layer, (0.0, 20.0), strict=True):
            layer.attention.self.query.weight.mul_(sharpness)
            layer.attention.self.query.bias.mul_(sharpness)
    v, state, start = 0 * x, np.zeros(x.shape[:2], int), np.zeros(len(x), int)
    found, drawn = looks(model, TestWindows(x, v, x, state, start))
    first, last = attention(model, torch.tensor(x, dtype=torch.float32)).double().numpy().reshape(2, -1, 12, 12)
    for name, of in (("attention_key_share", key_share), ("attention_local", lambda one: local_excess(one, NEAR))):
        (value, n), _ = found[name]
        assert value == pytest.approx(np.mean([of(one) for one in last]), rel=1e-4)
        assert abs(value - np.mean([of(one) for one in first])) > 0.002
        assert n == 3
    heads = np.mean([[key_share(head) for head in window] for window in last.reshape(3, 2, 12, 12)], axis=0)
    assert found["attention_target_share"][0][0] == pytest.approx(heads.max(), rel=1e-4)
    assert looks(toy_model("causal"), TestWindows(x, v, x, state, start))[0] == {}
    np.testing.assert_allclose(drawn["heads"], last.reshape(3, 2, 12, 12)[0], atol=1e-4)


def test_by_time_difference() -> None:
    found = by_difference(CAUSAL)
    assert len(found) == 2 * FRAMES - 1
    assert found[0] == pytest.approx(CAUSAL[-1, 0])
    assert (found[FRAMES:] == 0).all()
    np.testing.assert_allclose(by_difference(EVEN), 1 / FRAMES)
