import numpy as np
import pytest

from mdsnake.physics.analytic import DoubleWell, External, HarmonicPotential, MuellerBrown

MASSES = np.array([12.0, 1.0, 16.0])
CENTRES = np.array([[0.0, 0.1, 0.0], [0.1, 0.0, 0.0], [0.0, 0.15, 0.2]])
POTENTIALS = [
    HarmonicPotential(MASSES, 4e3, CENTRES),
    DoubleWell(MASSES, 8.0, 0.05, 2e3, CENTRES),
    MuellerBrown(MASSES, 0.1, 0.1, 2e3),
]


@pytest.mark.parametrize("potential", POTENTIALS, ids=lambda p: p.name)
def test_forces_are_the_slope_of_the_energy(potential: External) -> None:
    x, h = CENTRES + 0.03 * np.random.default_rng(0).standard_normal((3, 3)), 1e-6
    slope = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = h
        slope[index] = (potential.energy_forces(x + step)[0] - potential.energy_forces(x - step)[0]) / (2 * h)
    forces = potential.energy_forces(x)[1]
    np.testing.assert_allclose(forces, -slope, rtol=1e-6, atol=1e-5)
    assert potential.calls.force_calls >= 19
    assert potential.degrees_of_freedom == 9


@pytest.mark.parametrize(
    ("place", "energy"),
    [((-0.558, 1.442), -146.70), ((0.623, 0.028), -108.17), ((-0.050, 0.467), -80.77), ((-0.822, 0.624), -40.66)],
)
def test_minima_and_saddles_of_the_mueller_brown_surface(place: tuple[float, float], energy: float) -> None:
    """Their places and energies as Müller and Brown (1979) give them."""
    potential = MuellerBrown(np.ones(1), scale=2.0, length_nm=0.1, stiffness=1.0)
    found, forces = potential.energy_forces(np.array([[0.1 * place[0], 0.1 * place[1], 0.0]]))
    assert found / 2.0 == pytest.approx(energy, abs=0.01)
    assert np.abs(forces * 0.1 / 2.0).max() < 0.7  # places are given to 1e-3
