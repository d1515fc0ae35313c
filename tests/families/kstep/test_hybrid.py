import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdsnake.config import Engine
from mdsnake.families.kstep.config import Jump, Rollout
from mdsnake.families.kstep.corrector import half_kick
from mdsnake.families.kstep.hybrid import Hybrid, Proposal, Verlet
from mdsnake.families.kstep.members import control_proposal
from mdsnake.physics.analytic import HarmonicPotential
from mdsnake.physics.integrators import (
    State,
    make_state,
    maxwell_boltzmann,
    thermostat,
    total_energy,
    verlet_step,
)
from mdsnake.physics.potential import EvaluationFailed, Potential, open_potential
from mdsnake.store.graph import MoleculeGraph
from mdsnake.units import BOLTZMANN, kinetic_energy
from tests.families.kstep.toys import JUMP, steps

KT = BOLTZMANN * JUMP.temperature_K
LAG = JUMP.lag_ps
DT = JUMP.timestep_fs * 1e-3
MASSES = np.array([12.0, 1.0, 16.0])
CENTRES = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.0], [0.0, 0.15, 0.0]])
BONDS = np.array([[0, 1], [0, 2]])


def well(**changes: Any) -> HarmonicPotential:
    return HarmonicPotential(**({"masses": MASSES, "stiffness": 4e4, "centres": CENTRES} | changes))


def start(potential: HarmonicPotential, seed: int = 0) -> State:
    rng = np.random.default_rng(seed)
    x = potential.centres + np.sqrt(KT / potential.stiffness) * rng.standard_normal(potential.centres.shape)
    return make_state(potential, x, maxwell_boltzmann(potential, x, JUMP.temperature_K, rng))


def hybrid(potential: Potential, proposal: Proposal, jump: Jump = JUMP, **settings: Any) -> Hybrid:
    told = Rollout.model_validate({"time_ps": 1, "nve_ps": 1} | settings)
    lengths = np.linalg.norm(CENTRES[BONDS[:, 0]] - CENTRES[BONDS[:, 1]], axis=-1)
    return Hybrid(potential, proposal, jump, told, BONDS, lengths)


def perfect(potential: Potential) -> Proposal:
    """The jump that the reference integrator makes."""
    mass = potential.masses[:, None]

    def propose(x: np.ndarray, v: np.ndarray, force: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moves = []
        for position, velocity, f in zip(x, v, force, strict=True):
            begin = State(position, velocity - half_kick(f, mass, LAG), 0.0, f)
            end = steps(begin, potential, JUMP.k, DT)
            moves.append((end.x - position, end.v - half_kick(end.forces, mass, LAG) - velocity))
        return tuple(np.array(values) for values in zip(*moves, strict=True))

    return propose


def offset(potential: Potential, dx: np.ndarray | float = 0.0, dv: np.ndarray | float = 0.0) -> Proposal:
    """The perfect jump and an error."""

    def propose(x: np.ndarray, v: np.ndarray, force: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved, changed = perfect(potential)(x, v, force)
        return moved + dx, changed + dv

    return propose


def same(first: State, second: State) -> bool:
    return all(np.array_equal(getattr(first, f.name), getattr(second, f.name)) for f in dataclasses.fields(State))


def test_verlet_is_its_step_repeated() -> None:
    potential = well()
    states = [start(potential, seed) for seed in range(3)]
    found = Verlet(potential, JUMP.k, DT)(states, np.random.default_rng(0))
    for before, after in zip(states, found, strict=True):
        for _ in range(JUMP.k):
            before = verlet_step(before, potential, DT)
        assert same(before, after)


def test_a_perfect_jump_is_accepted_and_is_the_reference() -> None:
    potential = well()
    states = [start(potential, seed) for seed in range(4)]
    propagator, rng = hybrid(potential, perfect(potential)), np.random.default_rng(0)
    for lag in range(1, 6):
        expected = [steps(state, potential, lag * JUMP.k, DT) for state in map(start, [potential] * 4, range(4))]
        states = propagator(states, rng)
        for found, reference in zip(states, expected, strict=True):
            np.testing.assert_allclose(found.x, reference.x, atol=1e-12)
            np.testing.assert_allclose(found.v, reference.v, atol=1e-9)
            np.testing.assert_allclose(found.forces, reference.forces, atol=1e-7)
            assert found.energy == pytest.approx(reference.energy)
    counted = propagator.counters
    assert counted["jumps"] == counted["accepted"] == counted["network_calls"] == 20
    assert counted["network_ms"] > 0
    assert {n for name, n in counted.items() if name.startswith("rejected")} == {0}
    assert counted["fallbacks"] == 0


class Fragile(HarmonicPotential):
    """Cannot be evaluated far from its centre."""

    def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        if np.abs(x - self.centres).max() > 0.05:
            raise EvaluationFailed("fragile: not converged")
        return super().energy_forces(x)


STRETCH, SHIFT = np.array([[0.0, 0, 0], [0.5, 0, 0], [0, 0, 0]]), np.full((3, 3), 0.3)  # nm
HEAT, WARMTH = 30.0, 1.2  # nm/ps: far beyond the bound on kinetic energy, and some 25 kT


@pytest.mark.parametrize(
    ("reason", "tries", "dx", "dv", "settings"),
    [
        ("nonfinite", 3, np.nan, 0.0, {}),
        ("nonfinite", 3, 0.0, np.inf, {}),
        ("nonfinite", 3, SHIFT, 0.0, {"max_potential_change_kj_per_mol": 1e9}),
        ("bond", 2, STRETCH, 0.0, {"attempts": 2}),
        ("potential", 3, 0.15, 0.0, {}),
        ("kinetic", 3, 0.0, HEAT, {}),
        ("energy", 1, 0.0, WARMTH, {}),
        ("energy", 1, 0.0, WARMTH, {"energy_check": "rescale"}),
    ],
)
def test_a_bad_jump_is_refused_for_its_reason_and_the_reference_covers_the_lag(
    reason: str, tries: int, dx: Any, dv: Any, settings: dict[str, Any]
) -> None:
    potential = Fragile(MASSES, 4e4, CENTRES) if dx is SHIFT else well()
    propagator = hybrid(potential, offset(well(), dx, dv), **settings)
    state = start(potential)
    (found,) = propagator([state], np.random.default_rng(0))
    assert same(found, steps(state, potential, JUMP.k, DT))
    refused = {name: n for name, n in propagator.counters.items() if name.startswith("rejected") and n}
    assert refused == {f"rejected_{reason}": tries}
    assert propagator.counters["jumps"] == propagator.counters["fallbacks"] == 1
    assert propagator.counters["accepted"] == 0


def test_a_bad_walker_does_not_stop_the_others() -> None:
    potential = well()
    states = [start(potential, seed) for seed in range(3)]
    errors = np.zeros((3, 3, 3))
    errors[1] = np.nan
    propagator = hybrid(potential, offset(potential, errors))
    found = propagator(states, np.random.default_rng(0))
    for before, after in zip(states, found, strict=True):
        np.testing.assert_allclose(after.x, steps(before, potential, JUMP.k, DT).x, atol=1e-12)
    assert (propagator.counters["accepted"], propagator.counters["fallbacks"]) == (2, 1)


def test_an_attempt_scales_the_jump_down() -> None:
    potential, stretch = well(), 0.14 * np.array([[0.0, 0, 0], [1, 0, 0], [0, 0, 0]])
    state = make_state(potential, CENTRES, np.zeros((3, 3)))

    def propose(x: np.ndarray, v: np.ndarray, force: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return stretch[None], np.ones((1, 3, 3))

    propagator = hybrid(potential, propose, energy_check="none")
    (found,) = propagator([state], np.random.default_rng(0))  # lengths 0.24, 0.212 and 0.1896; the limit is 0.2
    np.testing.assert_allclose(found.x, CENTRES + 0.64 * stretch)
    np.testing.assert_allclose(found.v - half_kick(found.forces, MASSES[:, None], LAG), 0.64)
    assert propagator.counters["rejected_bond"] == 2
    assert propagator.counters["accepted"] == 1


def test_rescaling_keeps_the_energy() -> None:
    potential = well()
    propagator = hybrid(potential, offset(potential, 1e-3, 0.1), energy_check="rescale")
    states = [start(potential, seed) for seed in range(5)]
    found = propagator(states, np.random.default_rng(0))
    assert propagator.counters["accepted"] == 5
    for before, after in zip(states, found, strict=True):
        free = steps(before, potential, JUMP.k, DT)
        assert abs(total_energy(after, MASSES) - total_energy(before, MASSES)) < 1e-9
        assert not np.allclose(after.x, free.x, atol=1e-4)


def test_the_account_bounds_what_jumps_put_in_altogether() -> None:
    potential = well()
    propagator = hybrid(potential, offset(potential, 0.0, 0.05), energy_check="account")
    states, rng = [start(potential)], np.random.default_rng(0)
    put_in, before = 0.0, states[0]
    for _ in range(200):
        (after,) = propagator([before], rng)
        put_in += total_energy(after, MASSES) - total_energy(before, MASSES) if after.work != before.work else 0.0
        assert abs(after.work) <= KT
        before = after
    assert before.work == pytest.approx(put_in, abs=1e-9)
    assert propagator.counters["accepted"] > 10
    assert propagator.counters["rejected_energy"] == propagator.counters["fallbacks"] > 0


def test_without_an_energy_check_any_stable_jump_is_taken() -> None:
    potential = well()
    propagator = hybrid(potential, offset(potential, 0.0, WARMTH), energy_check="none")
    (found,) = propagator([start(potential)], np.random.default_rng(0))
    assert propagator.counters["accepted"] == 1
    assert kinetic_energy(found.v, MASSES) > 20 * KT


def walk(check: str, jumps: int = 600) -> tuple[float, float]:
    """Variance of the positions in units of kT/k, and acceptance, of long jumps in a well: ωτ = 1.2."""
    omega = 1.2 / LAG
    potential = HarmonicPotential(np.full(4, 2.0), stiffness=2.0 * omega**2)
    propagator = hybrid(potential, control_proposal("ballistic", JUMP), energy_check=check, max_bond_stretch=1e9)
    rng, states = np.random.default_rng(0), []
    for seed in range(8):
        state = start(potential, seed)
        states.append(state)
    squares = []
    for index in range(jumps):
        states = propagator(states, rng)
        for state in states:
            state.v = thermostat(potential, state.x, state.v, LAG, 100.0, JUMP.temperature_K, rng)
        if index >= 100:
            squares.append(np.mean([np.square(state.x).mean() for state in states]))
    counters = propagator.counters
    return float(np.mean(squares)) * potential.stiffness / KT, counters["accepted"] / counters["jumps"]


def test_a_fall_back_makes_the_metropolis_test_inexact() -> None:
    wrong, _ = walk("none")
    assert wrong == pytest.approx(1 / (1 - 1.2**2 / 4), rel=0.05)  # Verlet's shadow well is wider
    between, accepted = walk("metropolis")
    assert 0.2 < accepted < 0.9
    assert 1.1 < between < wrong - 0.1  # the fall-back after a refusal spoils what the check mends


def test_rigid_bonds_hold_after_every_jump(ethane: Path, mm_engine: Engine) -> None:
    graph, potential = MoleculeGraph.load(ethane / "graph.json"), open_potential(ethane, mm_engine)
    jump = Jump(engine="mm", k=2, timestep_fs=2, temperature_K=300, constraints="hbonds")
    settings = Rollout(time_ps=1, nve_ps=1, energy_check="none")
    propagator = Hybrid(
        potential, control_proposal("ballistic", jump), jump, settings, np.array(graph.bonds), graph.bond_lengths
    )
    rng, x = np.random.default_rng(0), potential.project_positions(np.array(graph.positions))
    states = [make_state(potential, x, maxwell_boltzmann(potential, x, 300, rng)) for _ in range(3)]
    i, j = potential.constraints.T
    for _ in range(10):
        states = propagator(states, rng)
        for state in states:
            away, apart = state.x[i] - state.x[j], state.v[i] - state.v[j]
            np.testing.assert_allclose(np.linalg.norm(away, axis=-1), potential.constraint_lengths, atol=1e-6)
            assert np.abs((away * apart).sum(-1)).max() < 1e-6
    counters = propagator.counters
    assert counters["accepted"] == 30
    assert counters["projections"] == 30
    assert 1e-5 < np.sqrt(counters["projection_sq_nm"] / 30) < 1e-2
    assert 1e-3 < np.sqrt(counters["projection_sq_nm_per_ps"] / 30) < 10
