from pathlib import Path

import numpy as np
import pytest

from mdsnake.config import Engine
from mdsnake.physics.analytic import HarmonicPotential
from mdsnake.physics.integrators import (
    langevin_step,
    largest_stable_timestep,
    make_state,
    maxwell_boltzmann,
    remove_com,
    thermostat,
    total_energy,
    verlet_step,
)
from mdsnake.physics.potential import Potential, open_potential
from mdsnake.store.graph import MoleculeGraph
from mdsnake.units import BOLTZMANN, kinetic_energy

KT = BOLTZMANN * 300


def start(potential: Potential, folder: Path, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    x = potential.project_positions(np.array(MoleculeGraph.load(folder / "graph.json").positions))
    return x, maxwell_boltzmann(potential, x, 300, np.random.default_rng(seed))


@pytest.mark.parametrize("constraints", ["none", "hbonds"])
def test_verlet_energy_error_is_of_second_order(ethane: Path, mm_engine: Engine, constraints: str) -> None:
    potential = open_potential(ethane, mm_engine.model_copy(update={"constraints": constraints}))
    x, v = start(potential, ethane)
    errors = []
    for dt in (2e-4, 4e-4):
        state = make_state(potential, x, v)
        first, worst = total_energy(state, potential.masses), 0.0
        for _ in range(round(0.1 / dt)):
            state = verlet_step(state, potential, dt)
            worst = max(worst, abs(total_energy(state, potential.masses) - first))
        errors.append(worst)
    assert errors[1] / errors[0] == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("constraints", ["none", "hbonds"])
def test_verlet_is_reversible_and_keeps_momentum(ethane: Path, mm_engine: Engine, constraints: str) -> None:
    potential = open_potential(ethane, mm_engine.model_copy(update={"constraints": constraints}))
    x, v = start(potential, ethane)
    state = make_state(potential, x, v)
    for _ in range(100):
        state = verlet_step(state, potential, 1e-3)
    np.testing.assert_allclose(potential.masses @ state.v, 0, atol=1e-9)
    state.v = -state.v
    for _ in range(100):
        state = verlet_step(state, potential, 1e-3)
    np.testing.assert_allclose(state.x, x, atol=1e-6)
    np.testing.assert_allclose(-state.v, v, atol=1e-4)


def test_verlet_of_a_harmonic_well_is_the_closed_form() -> None:
    potential = HarmonicPotential(np.array([2.0]), stiffness=800.0)  # ω = 20 / ps
    state, dt = make_state(potential, np.full((1, 3), 0.1), np.zeros((1, 3))), 1e-2
    phase = np.arccos(1 - (20 * dt) ** 2 / 2)  # velocity Verlet rotates by this a step
    for n in range(1, 200):
        state = verlet_step(state, potential, dt)
        np.testing.assert_allclose(state.x, 0.1 * np.cos(n * phase), atol=1e-12)


def test_langevin_samples_a_harmonic_well_exactly_at_a_long_step() -> None:
    potential, rng, dt = (
        HarmonicPotential(np.full(2000, 2.0), stiffness=800.0),
        np.random.default_rng(3),
        0.05,
    )  # ω dt = 1
    state = make_state(potential, np.zeros((2000, 3)), np.zeros((2000, 3)))
    squares, kinetic = [], []
    for step in range(400):
        state = langevin_step(state, potential, dt, 5.0, 300, rng)
        if step >= 100 and step % 5 == 0:
            squares.append((state.x**2).mean())
            kinetic.append(2 * kinetic_energy(state.v, potential.masses) / 6000)
    assert np.mean(squares) == pytest.approx(KT / 800, rel=0.01)
    assert np.mean(kinetic) == pytest.approx(KT, rel=0.01)


def test_langevin_of_a_constrained_molecule_is_equipartitioned(ethane: Path, mm_engine: Engine) -> None:
    potential, rng = open_potential(ethane, mm_engine), np.random.default_rng(5)
    state = make_state(potential, *start(potential, ethane))
    kinetic = []
    for step in range(10_000):
        state = langevin_step(state, potential, 2e-3, 10.0, 300, rng)
        if step >= 500:
            kinetic.append(kinetic_energy(remove_com(state.v, potential.masses), potential.masses))
    i, j = potential.constraints.T
    np.testing.assert_allclose(
        np.linalg.norm(state.x[i] - state.x[j], axis=-1), potential.constraint_lengths, atol=1e-7
    )
    blocks = np.mean(np.reshape(kinetic, (20, -1)), axis=1)
    expected, error = potential.degrees_of_freedom * KT / 2, blocks.std(ddof=1) / np.sqrt(20)
    assert error < 0.04 * expected
    assert abs(blocks.mean() - expected) < 4 * error


def test_langevin_without_friction_is_leapfrog() -> None:
    potential, rng, dt = HarmonicPotential(np.array([2.0]), stiffness=800.0), np.random.default_rng(0), 1e-2
    state = make_state(potential, np.full((1, 3), 0.1), np.zeros((1, 3)))
    middle = make_state(potential, state.x, state.v - 0.5 * dt * state.forces / 2.0)
    for _ in range(50):
        state = verlet_step(state, potential, dt)
        middle = langevin_step(middle, potential, dt, 0.0, 300, rng)
    np.testing.assert_allclose(middle.x, state.x, atol=1e-12)


def test_thermostat_is_exact_and_composes(ethane: Path, mm_engine: Engine) -> None:
    potential = HarmonicPotential(np.full(20_000, 3.0), 1.0)
    x, rng = np.zeros((20_000, 3)), np.random.default_rng(0)
    v = thermostat(potential, x, np.full_like(x, 2.0), 0.3, 2.0, 300, rng)
    assert v.mean() == pytest.approx(2 * np.exp(-0.6), abs=0.02)
    assert v.var() == pytest.approx((1 - np.exp(-1.2)) * KT / 3, rel=0.02)
    rigid = open_potential(ethane, mm_engine)
    x, v = start(rigid, ethane)
    i, j = rigid.constraints.T
    v = thermostat(rigid, x, v, 0.3, 2.0, 300, rng)
    assert np.abs(((x[i] - x[j]) * (v[i] - v[j])).sum(-1)).max() < 1e-8


def test_maxwell_boltzmann_respects_constraints_and_centre_of_mass(ethane: Path, mm_engine: Engine) -> None:
    potential, rng = open_potential(ethane, mm_engine), np.random.default_rng(0)
    x, _ = start(potential, ethane)
    draws = np.array([maxwell_boltzmann(potential, x, 300, rng) for _ in range(4000)])
    np.testing.assert_allclose(np.einsum("fij,i->fj", draws, potential.masses), 0, atol=1e-9)
    kinetic = kinetic_energy(draws, potential.masses)
    freedom = potential.degrees_of_freedom
    assert kinetic.mean() == pytest.approx(freedom * KT / 2, rel=0.02)
    assert kinetic.var() == pytest.approx(freedom * KT**2 / 2, rel=0.1)


def test_remove_com_of_one_frame_and_of_many() -> None:
    masses, values = np.array([1.0, 3.0]), np.random.default_rng(0).standard_normal((5, 2, 3))
    centred = remove_com(values, masses)
    np.testing.assert_allclose(np.einsum("fij,i->fj", centred, masses), 0, atol=1e-12)
    np.testing.assert_allclose(remove_com(values[2], masses), centred[2])


def test_the_largest_stable_timestep_follows_the_frequency() -> None:
    found = []
    for omega in (20.0, 40.0):
        rng = np.random.default_rng(0)  # the same states, in units of their spread
        potential = HarmonicPotential(np.full(10, 2.0), stiffness=2.0 * omega**2)
        spread = np.sqrt(KT / potential.stiffness)
        states = [
            make_state(potential, spread * rng.standard_normal((10, 3)), np.sqrt(KT / 2) * rng.standard_normal((10, 3)))
            for _ in range(4)
        ]
        found.append(largest_stable_timestep(states, potential, 0.1 / omega, 300, range(1, 30), length_ps=2.0) * omega)
    assert found[0] == pytest.approx(found[1], abs=0.11)
    assert 0.4 < found[0] < 1.2


def test_the_largest_stable_timestep_is_that_of_the_worst_state() -> None:
    potential = HarmonicPotential(np.full(10, 2.0), stiffness=800.0)
    cold, hot = (
        make_state(potential, np.full((10, 3), x), np.zeros((10, 3))) for x in np.sqrt(KT / 800.0) * np.array([0.1, 2])
    )
    found = [
        largest_stable_timestep(states, potential, 0.005, 300, range(1, 30), length_ps=2.0)
        for states in ([cold], [hot], [cold, cold, cold, hot])
    ]
    assert found[1] == found[2] < found[0]


def test_the_largest_stable_timestep_is_no_less_than_the_base(ethane: Path, mm_engine: Engine) -> None:
    potential = open_potential(ethane, mm_engine.model_copy(update={"constraints": "none"}))
    states = [make_state(potential, *start(potential, ethane, seed)) for seed in range(3)]
    assert largest_stable_timestep(states, potential, 0.02, 300, (1, 2)) == 0.02  # both steps explode
    assert 0.0005 <= largest_stable_timestep(states, potential, 0.0005, 300) <= 0.003
