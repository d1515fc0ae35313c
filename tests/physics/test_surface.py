import numpy as np
import pytest

from mdsnake.physics.surface import MuellerBrown2D

SURFACE = MuellerBrown2D()


def test_the_force_is_the_slope_of_the_energy() -> None:
    x, h = np.random.default_rng(0).uniform((-1.5, -0.3), (1.2, 2.1), (5, 40, 2)), 1e-5
    slope = [(SURFACE.energy(x + step) - SURFACE.energy(x - step)) / (2 * h) for step in h * np.eye(2)]
    np.testing.assert_allclose(SURFACE.force(x), -np.stack(slope, axis=-1), rtol=1e-6, atol=1e-4)


def test_the_energy_is_the_published_sum() -> None:
    x = np.random.default_rng(1).uniform((-1.5, -0.3), (1.2, 2.1), (100, 2))
    dx, dy = x[:, :1] - [1, 0, -0.5, -1], x[:, 1:] - [0, 0.5, 1.5, 1]
    exponents = [-1, -1, -6.5, 0.7] * dx**2 + np.array([0, 0, 11, 0.6]) * dx * dy + [-10, -10, -6.5, 0.7] * dy**2
    np.testing.assert_allclose(SURFACE.energy(x), np.exp(exponents) @ [-200, -100, -170, 15], rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize(
    ("places", "energies"),
    [(SURFACE.MINIMA, [-146.70, -108.17, -80.77]), (SURFACE.SADDLES, [-40.66, -72.25])],
    ids=["minima", "saddles"],
)
def test_minima_and_saddles_are_where_they_are_said_to_be(places: np.ndarray, energies: list[float]) -> None:
    np.testing.assert_allclose(SURFACE.energy(places), energies, atol=0.005)
    assert np.linalg.norm(SURFACE.force(places), axis=-1).max() < 0.8  # places are given to 1e-3
    bends = [np.linalg.eigvalsh(_hessian(place)) for place in places]
    assert [(bend < 0).sum() for bend in bends] == [int(places is SURFACE.SADDLES)] * len(places)


def test_states_are_discs_round_the_two_deep_minima() -> None:
    assert np.argsort(SURFACE.energy(SURFACE.MINIMA))[:2].tolist() == [0, 1]
    edge = SURFACE.RADIUS * np.array([0.6, 0.8])
    points = np.stack([SURFACE.A + 0.99 * edge, SURFACE.A + 1.01 * edge, SURFACE.B - 0.99 * edge, SURFACE.SHALLOW])
    np.testing.assert_array_equal(SURFACE.state(points), [0, -1, 1, -1])


def _hessian(place: np.ndarray, h: float = 1e-5) -> np.ndarray:
    return np.stack([(SURFACE.force(place - step) - SURFACE.force(place + step)) / (2 * h) for step in h * np.eye(2)])
