"""Autoregressions that are known."""

import numpy as np
import pytest

from mdsnake.evaluate.surface.linear import ORDER, Linear, fit, predict, walk

NOISE = np.array([[0.04, 0.01], [0.01, 0.02]])
#: The next frame is 0.9 of this one and −0.2 of the one before, and a constant.
WEIGHTS = np.zeros((2 * ORDER + 1, 3))
WEIGHTS[[0, 1, 2, 3, -1], [0, 1, 0, 1, 0]] = 0.9, 0.9, -0.2, -0.2, 0.3
TRUTH = Linear(WEIGHTS, NOISE)


@pytest.fixture(scope="module")
def walked() -> np.ndarray:
    return walk(TRUTH, np.zeros((50, 2)), 1000, np.random.default_rng(0))


def test_what_is_left_of_a_walk_is_its_noise(walked: np.ndarray) -> None:
    ahead, _ = predict(TRUTH, walked)
    left = (walked[:, 1:] - ahead[:, :-1])[:, ORDER:].reshape(-1, 2)
    np.testing.assert_allclose(np.cov(left.T), NOISE, atol=5 * 0.04 * np.sqrt(2 / len(left)))
    assert abs(np.corrcoef(left[:-1, 0], left[1:, 0])[0, 1]) < 5 / np.sqrt(len(left))


def test_a_fit_finds_what_a_walk_was_made_of(walked: np.ndarray) -> None:
    found = fit(walked, np.full(walked.shape[:2], 1))
    np.testing.assert_allclose(found.weights[:, :2], WEIGHTS[:, :2], atol=0.04)
    np.testing.assert_allclose(found.noise, NOISE, rtol=0.05)


def test_the_basin_is_told_from_the_frames_that_have_one() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (20, 100, 2))
    state = (x[..., 0] > 0).astype(int)
    state[10:] = -1
    _, b = predict(fit(x, state), x)
    assert ((b > 0.5) == (x[..., 0] > 0)).mean() > 0.95
    assert ((b >= 0) & (b <= 1)).all()
