import dataclasses

import numpy as np
import pytest

from mdsnake.evaluate.thermal import atom_degrees_of_freedom, element_temperatures, ke_ratio, ke_ratio_error


def test_maxwell_velocities_have_the_right_energy(trajectory):
    warm = trajectory(0, frames=20000, temperature=300.0)
    assert ke_ratio(warm, 300.0)[0] == pytest.approx(1, abs=0.01)
    assert ke_ratio(warm, 150.0)[0] == pytest.approx(2, abs=0.02)
    for value, n in element_temperatures(warm, np.zeros((0, 2), dtype=int)).values():
        assert value == pytest.approx(300, abs=6)
        assert n == 20000


def test_element_temperatures_under_constraints(trajectory):
    """Velocities without their part along a rigid bond leave every element at the same temperature."""
    run = trajectory(1, frames=20000)
    i, j = 0, 1
    direction = run.positions[:, i] - run.positions[:, j]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    v, masses = run.velocities.copy(), run.masses
    along = np.einsum("fa,fa->f", v[:, i] - v[:, j], direction) / (1 / masses[i] + 1 / masses[j])
    v[:, i] -= along[:, None] * direction / masses[i]
    v[:, j] += along[:, None] * direction / masses[j]
    held = dataclasses.replace(run, velocities=v, degrees_of_freedom=8)
    temperatures = element_temperatures(held, np.array([[i, j]]), frames=200)
    assert temperatures[1][0] == pytest.approx(300, abs=6)
    assert temperatures[8][0] == pytest.approx(300, abs=6)


def test_degrees_of_freedom_add_up(trajectory):
    run = trajectory(2, frames=10)
    constraints = np.array([[0, 1], [2, 3]])
    freedom = atom_degrees_of_freedom(run.positions, run.masses, constraints, centre_of_mass=True)
    assert freedom.sum() == pytest.approx(3 * 4 - 2 - 3)
    free = atom_degrees_of_freedom(run.positions, run.masses, np.zeros((0, 2), dtype=int), centre_of_mass=False)
    np.testing.assert_allclose(free, 3)


def test_error_of_correlated_energies(trajectory, correlated):
    """Kinetic energies that forget at a rate a are N(1 − a)/(1 + a) samples."""
    run = trajectory(3, frames=20000)
    swell = 1 + 0.1 * correlated(np.random.default_rng(0), 20000, 0.9)
    slow = dataclasses.replace(run, velocities=np.sqrt(swell)[:, :, None] * run.velocities[:1])
    error, samples = ke_ratio_error(slow, 300.0)
    assert samples == pytest.approx(20000 * 0.1 / 1.9, rel=0.15)
    assert error == pytest.approx(0.1 * ke_ratio(slow, 300.0)[0] / np.sqrt(samples), rel=0.05)
