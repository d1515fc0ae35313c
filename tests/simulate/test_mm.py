from pathlib import Path

import numpy as np
import pytest

from mdsnake.config import Engine
from mdsnake.physics.integrators import langevin_step, make_state, maxwell_boltzmann, verlet_step
from mdsnake.physics.openmm import load_system
from mdsnake.simulate.frames import Cost
from mdsnake.simulate.mm import MMDynamics
from mdsnake.store.graph import MoleculeGraph


def opened(prepared: Path, engine: Engine, work: Path) -> MMDynamics:
    return MMDynamics(*load_system(prepared, engine.constraints), engine, work)


def test_bursts_agree_with_the_package_s_own_rattle(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    dynamics, cost = opened(ethane, mm_engine, tmp_path), Cost()
    potential = dynamics.potential
    x = potential.project_positions(np.array(MoleculeGraph.load(ethane / "graph.json").positions))
    v = maxwell_boltzmann(potential, x, 300, np.random.default_rng(0))
    frames = dynamics.nve(x, v, 50, cost)
    assert (frames.positions.shape, cost.steps) == ((51, 8, 3), 50)
    state = make_state(potential, x, v)
    for step in range(51):
        np.testing.assert_allclose(frames.positions[step], state.x, atol=1e-7)
        np.testing.assert_allclose(frames.velocities[step], state.v, atol=1e-4)
        np.testing.assert_allclose(frames.potential[step], state.energy, atol=1e-4)
        state = verlet_step(state, potential, 2e-3)


def test_langevin_without_friction_agrees_with_the_package_s_own(
    ethane: Path, mm_engine: Engine, tmp_path: Path
) -> None:
    engine = mm_engine.model_copy(update={"friction_per_ps": 1e-12})
    dynamics, cost, rng = opened(ethane, engine, tmp_path), Cost(), np.random.default_rng(0)
    potential = dynamics.potential
    x = potential.project_positions(np.array(MoleculeGraph.load(ethane / "graph.json").positions))
    v = maxwell_boltzmann(potential, x, 300, rng)
    frames, _, _ = dynamics.nvt(x, v, 1, 50, 1, cost)
    state = make_state(potential, x, v)
    for step in range(50):
        state = langevin_step(state, potential, 2e-3, 1e-12, 300, rng)
        np.testing.assert_allclose(frames.positions[step], state.x, atol=1e-5)
        np.testing.assert_allclose(frames.velocities[step], state.v, atol=1e-2)


def test_a_resumed_job_stays_on_its_platform(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    opened(ethane, mm_engine.model_copy(update={"platform": "CPU"}), tmp_path)
    again = opened(ethane, mm_engine.model_copy(update={"platform": "auto"}), tmp_path)
    assert again.potential.about["platform"] == "CPU"


def test_a_damaged_note_of_the_platform_is_made_again(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "platform").write_bytes(b"\xff")
    assert opened(ethane, mm_engine, tmp_path).potential.about["platform"] == "Reference"
    assert (tmp_path / "platform").read_text() == "Reference"


@pytest.mark.parametrize("interval", [1, 7])
def test_calls_do_not_depend_on_how_a_run_is_cut(
    ethane: Path, mm_engine: Engine, tmp_path: Path, interval: int
) -> None:
    dynamics = opened(ethane, mm_engine.model_copy(update={"friction_per_ps": 1e-12}), tmp_path)
    x = dynamics.potential.project_positions(np.array(MoleculeGraph.load(ethane / "graph.json").positions))
    v = maxwell_boltzmann(dynamics.potential, x, 300, np.random.default_rng(0))
    whole, x_end, v_end = dynamics.nvt(x, v, 1, 6, interval, Cost())
    _, x, v = dynamics.nvt(x, v, 2, 3, interval, Cost())
    _, x, v = dynamics.nvt(x, v, 3, 3, interval, Cost())
    np.testing.assert_allclose(x, x_end, atol=1e-6)
    np.testing.assert_allclose(v, v_end, atol=1e-4)
    np.testing.assert_allclose(whole.positions[-1], x_end)
