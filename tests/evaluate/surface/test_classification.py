import numpy as np
import pytest

from mdsnake.evaluate.surface.classification import (
    bayes_accuracy,
    change,
    classified,
    regression_error,
    scores,
    slices,
)


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


def test_the_committor_itself_is_as_right_as_can_be() -> None:
    rng = np.random.default_rng(0)
    q = rng.random((40_000, 3))
    state = (rng.random(q.shape) < q).astype(int)
    found = classified(q, q, state)
    for name in ("accuracy", "accuracy_last"):
        (value, n), limit = found[name]
        assert value == pytest.approx(limit, abs=4 * 0.5 / np.sqrt(n))
    assert found["committor_rmse"][0] == (0, 40_000)
    assert classified(1 - q, q, state)["committor_rmse"][0][0] == pytest.approx(np.sqrt(1 / 3), abs=0.01)
    wrong_at_last = np.column_stack([q[:, :2], 1 - q[:, 2:]])
    assert classified(wrong_at_last, q, state)["accuracy_last"][0][0] == pytest.approx(0.25, abs=0.02)
    assert classified(wrong_at_last, q, state)["accuracy"][0][0] == pytest.approx((0.75 * 2 + 0.25) / 3, abs=0.01)


def test_without_a_committor_there_is_no_limit() -> None:
    found = classified(np.array([[0.2, 0.9]]), None, np.array([[0, 1]]))
    assert found["accuracy"][0] == (1, 2)
    assert np.isnan(found["accuracy"][1])
    assert "committor_rmse" not in found


def test_regression_of_the_committor() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((4000, 3))
    q = 0.5 + inputs @ [0.1, -0.05, 0.0] + 0.02 * rng.standard_normal(4000)
    assert regression_error(inputs, q) == pytest.approx(0.02, rel=0.05)
    assert regression_error(inputs[:, 2:], q) == pytest.approx(q.std(), rel=0.05)
    few = rng.standard_normal((80, 39)), rng.random(80)
    assert regression_error(*few) > 2 * few[1].std(), "what is fitted is not what is judged"


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
