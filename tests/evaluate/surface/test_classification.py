import numpy as np
import pytest

from mdsnake.evaluate.surface.classification import bayes_accuracy, change, scores, slices


def test_scores_are_those_of_the_textbook() -> None:
    state = np.array([0, 0, 0, 1, 1, -1])
    predicted = np.array([0, 0, 1, 1, 0, 1])
    found = {name: value for name, (value, _) in scores(predicted, state).items()}
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["recall"] == pytest.approx(3 / 5), "the mean by frames is the accuracy"
    assert found["precision"] == pytest.approx(0.6 * 2 / 3 + 0.4 * 1 / 2)
    assert found["f1"] == pytest.approx(0.6 * 2 / 3 + 0.4 * 1 / 2)
    assert scores(predicted, state)["accuracy"][1] == 5


def test_nothing_to_be_told_has_no_score() -> None:
    assert np.isnan(scores(np.array([1]), np.array([-1]))["f1"][0])


def test_no_rule_beats_the_limit_and_the_best_one_reaches_it() -> None:
    rng = np.random.default_rng(0)
    committor = rng.random(200_000)
    state = (rng.random(200_000) < committor).astype(int)
    limit = bayes_accuracy(committor, state)
    assert limit == pytest.approx(0.75, abs=0.003)
    assert scores((committor > 0.5).astype(int), state)["accuracy"][0] == pytest.approx(limit, abs=0.004)
    assert scores((committor > 0.6).astype(int), state)["accuracy"][0] < limit - 0.004


@pytest.mark.parametrize(("later", "expected"), [(0.6, -0.3), (0.9, 0.0)])
def test_later_slices_are_set_beside_the_first(later: float, expected: float) -> None:
    rng = np.random.default_rng(0)
    start = np.repeat([0, 64, 128], 400)
    correct = (rng.random((1200, 16)) < np.where(start == 0, 0.9, later)[:, None]).astype(float)
    correct[0] = np.nan
    moved, error = change(slices(correct, start))
    assert moved == pytest.approx(expected, abs=4 * error)
    assert error < 0.02
    assert (moved < -2 * error) is (later < 0.9)
