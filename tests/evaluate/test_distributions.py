import numpy as np
import pytest

from mdsnake.evaluate.distributions import (
    bond_js,
    bond_rmse,
    histogram,
    jensen_shannon,
    mean_js,
    pair_distance_l1,
    torsion_js,
)


def test_divergence_of_known_distributions():
    p, q = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    entropy = lambda r: -sum(x * np.log2(x) for x in r if x > 0)  # noqa: E731
    expected = entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2
    assert jensen_shannon(p, q) == pytest.approx(expected)
    assert jensen_shannon(p, p) == 0
    assert jensen_shannon(np.array([3, 0, 1, 0]), np.array([0, 2, 0, 9])) == pytest.approx(1)


def test_every_value_is_counted_once():
    values = np.array([[-9.0], [0.0], [0.49], [0.5], [1.0], [1.1], [np.inf], [np.nan]])
    np.testing.assert_array_equal(histogram(values, 0.0, 1.0, 2), [[1, 2, 2, 3]])


def test_equal_samples_differ_by_nothing_and_distant_ones_by_one_bit():
    x = np.random.default_rng(0).normal(size=(500, 3))
    assert mean_js(x, x) == (0.0, 3)
    assert mean_js(x + 100, x)[0] == pytest.approx(1)
    assert mean_js(x, np.zeros((5, 0)))[1] == 0


def test_torsions_are_compared_around_the_circle():
    phi = np.random.default_rng(1).normal(np.pi, 0.1, size=(2000, 1))
    wrapped = (phi + np.pi) % (2 * np.pi) - np.pi
    other = (phi - 0.2 + np.pi) % (2 * np.pi) - np.pi
    assert torsion_js(wrapped, wrapped)[0] == 0
    assert 0.1 < torsion_js(other, wrapped)[0] < 0.9


def test_rigid_bonds_are_left_out():
    rng = np.random.default_rng(2)
    free = rng.normal(0.15, 0.003, size=(400, 2))
    with_rigid = np.hstack([free, np.full((400, 1), 0.109)])
    assert bond_js(with_rigid + 1e-7, with_rigid)[1] == 2
    assert pair_distance_l1(with_rigid, with_rigid) == (0, 2)
    loose = np.hstack([free, rng.normal(0.109, 0.003, size=(400, 1))])
    value, n = bond_js(loose, with_rigid)
    assert n == 3
    assert value > 0.3, "a constraint that the model does not keep counts"


def test_bond_rmse_in_picometres():
    reference = np.random.default_rng(3).normal(0.15, 0.003, size=(400, 4))
    assert bond_rmse(reference + np.array([0.001, -0.001, 0.001, -0.001]), reference)[0] == pytest.approx(1)


def test_pair_distances_that_never_meet_differ_by_two():
    r = np.random.default_rng(4).uniform(0.2, 0.3, size=(300, 2))
    assert pair_distance_l1(r + 1, r)[0] == pytest.approx(2)
