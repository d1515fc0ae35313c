"""Times of jump processes of two and of three states, of which everything is known."""

import numpy as np
import pytest

from mdsnake.evaluate.surface.kinetics import last_basin, mean_first_passage, passages, slowest_time

A_TO_B, B_TO_A = 0.02, 0.05  # in a frame
#: Of three states, A, B and what lies outside of both: in a frame, from each to each.
JUMPS = np.array([[0.8, 0.0, 0.2], [0.0, 0.9, 0.1], [0.3, 0.1, 0.6]])


@pytest.fixture(scope="module")
def basin() -> np.ndarray:
    """Two hundred walkers of a thousand frames."""
    rng = np.random.default_rng(0)
    now = (rng.random(200) < A_TO_B / (A_TO_B + B_TO_A)).astype(int)
    frames = [now]
    for _ in range(999):
        leaves = rng.random(200) < np.where(now == 0, A_TO_B, B_TO_A)
        now = np.where(leaves, 1 - now, now)
        frames.append(now)
    return np.stack(frames, axis=1)


def test_the_last_basin_holds_until_the_next_is_entered() -> None:
    walker = np.array([[-1, 0, -1, -1, 1, -1, 0, -1]])
    assert last_basin(walker).tolist() == [[-1, 0, 0, 0, 1, 1, 0, 0]]
    assert passages(walker) == (3 + 1, 1, 2, 1)


def test_first_passage_of_a_jump_process(basin: np.ndarray) -> None:
    time, n = mean_first_passage(basin, 0.1)
    assert time == pytest.approx(0.1 / A_TO_B, rel=4 / np.sqrt(n))
    assert n > 1000


def test_first_passage_with_returns() -> None:
    """A walker that leaves A and returns is still on its way."""
    rng, now, frames = np.random.default_rng(0), np.zeros(500, int), []
    for _ in range(2000):
        frames.append(now)
        now = (rng.random(500)[:, None] > JUMPS[now].cumsum(1)).sum(1)
    basin = np.array([0, 1, -1])[np.stack(frames, axis=1)]
    time, n = mean_first_passage(basin, 0.1)
    to_b = np.linalg.solve(np.eye(2) - JUMPS[np.ix_([0, 2], [0, 2])], np.ones(2))
    assert n > 20_000
    assert time == pytest.approx(0.1 * to_b[0], rel=0.03)


def test_first_passage_of_one_walker() -> None:
    walker = np.array([[-1, 0, -1, 0, -1, 1, 1, -1, 0, 1, -1, -1]])
    assert mean_first_passage(walker, 0.5) == (0.5 * (4 + 1) / 2, 2)


def test_walkers_that_end_before_they_cross_do_not_bias_it(basin: np.ndarray) -> None:
    short = basin.reshape(-1, 20)  # most of them never cross
    time, n = mean_first_passage(short, 0.1)
    assert time == pytest.approx(0.1 / A_TO_B, rel=4 / np.sqrt(n))


def test_what_never_crosses_has_no_time() -> None:
    time, n = mean_first_passage(np.zeros((3, 10), int), 0.1)
    assert np.isnan(time)
    assert n == 0
    assert slowest_time(np.repeat([[0.0], [1.0]], 50, axis=1), 0.1, 1.0)[0] == np.inf


def test_slowest_time_of_a_jump_process(basin: np.ndarray) -> None:
    expected = -0.1 / np.log(1 - A_TO_B - B_TO_A)
    assert slowest_time(basin.astype(float), 0.1, expected)[0] == pytest.approx(expected, rel=0.05)


def test_walkers_that_are_too_short_have_no_slowest_time() -> None:
    assert np.isnan(slowest_time(np.random.default_rng(0).random((4, 10)), 0.1, 5.0)[0])
    assert np.isnan(slowest_time(np.zeros((0, 100)), 0.1, 1.0)[0])
