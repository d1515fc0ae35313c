from pathlib import Path

import numpy as np
import openmm
import pytest

from mdsnake.config import Engine
from mdsnake.errors import UserError
from mdsnake.physics.openmm import OpenMMPotential, choose_platform, load_system
from mdsnake.physics.potential import open_potential
from mdsnake.store.graph import MoleculeGraph


def shaken(potential: OpenMMPotential, folder: Path, seed: int = 0) -> np.ndarray:
    x = np.array(MoleculeGraph.load(folder / "graph.json").positions)
    return potential.project_positions(x + 0.003 * np.random.default_rng(seed).standard_normal(x.shape))


def test_forces_are_the_gradient(ethane: Path, mm_engine: Engine) -> None:
    potential = open_potential(ethane, mm_engine.model_copy(update={"constraints": "none"}))
    x = shaken(potential, ethane)
    forces, h = potential.energy_forces(x)[1], 1e-6
    for i in range(len(x)):
        for j in range(3):
            step = np.zeros_like(x)
            step[i, j] = h
            slope = (potential.energy_forces(x + step)[0] - potential.energy_forces(x - step)[0]) / (2 * h)
            assert forces[i, j] == pytest.approx(-slope, abs=1e-3)


def test_each_evaluation_is_counted_and_timed(ethane: Path, mm_engine: Engine) -> None:
    potential = open_potential(ethane, mm_engine)
    x = shaken(potential, ethane)
    for _ in range(3):
        potential.energy_forces(x)
    assert potential.calls.force_calls == 3
    assert 0 < potential.calls.force_ms < 100
    assert potential.calls.counters()["force_calls"] == 3


def test_rigid_bonds_are_those_to_hydrogen(ethane: Path, mm_engine: Engine) -> None:
    potential = open_potential(ethane, mm_engine)
    graph = MoleculeGraph.load(ethane / "graph.json")
    assert len(potential.constraints) == 6
    assert all(1 in (graph.numbers[i], graph.numbers[j]) for i, j in potential.constraints)
    assert potential.degrees_of_freedom == 3 * 8 - 6 - 3
    free = open_potential(ethane, mm_engine.model_copy(update={"constraints": "none"}))
    assert free.degrees_of_freedom == 3 * 8 - 3
    x = shaken(free, ethane)
    assert free.project_positions(x) is x


@pytest.mark.parametrize("from_start", [True, False])
def test_projection_holds_lengths_and_removes_velocity(ethane: Path, mm_engine: Engine, from_start: bool) -> None:
    potential = open_potential(ethane, mm_engine)
    rng = np.random.default_rng(1)
    start = shaken(potential, ethane)
    x = potential.project_positions(start + 0.002 * rng.standard_normal(start.shape), start if from_start else None)
    i, j = potential.constraints.T
    np.testing.assert_allclose(np.linalg.norm(x[i] - x[j], axis=-1), potential.constraint_lengths, atol=1e-7)
    v = rng.standard_normal(x.shape)
    w = potential.project_velocities(x, v)
    assert np.abs(((x[i] - x[j]) * (v[i] - v[j])).sum(-1)).max() > 0.05
    assert np.abs(((x[i] - x[j]) * (w[i] - w[j])).sum(-1)).max() < 1e-8
    np.testing.assert_allclose(potential.masses @ w, potential.masses @ v, atol=1e-9)
    np.testing.assert_allclose(potential.project_velocities(x, w), w, atol=1e-8)


def test_auto_chooses_a_platform_and_says_so(
    ethane: Path, mm_engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    system, graph = load_system(ethane, mm_engine.constraints)
    chosen = choose_platform(system, np.array(graph.positions))
    assert chosen == "Reference"  # of eight atoms
    assert "platform: Reference" in capsys.readouterr().out
    assert choose_platform(system, np.array(graph.positions), "CPU") == "CPU"


def test_the_cpu_platform_agrees_with_reference(ethane: Path, mm_engine: Engine) -> None:
    exact = open_potential(ethane, mm_engine)
    single = open_potential(ethane, mm_engine.model_copy(update={"platform": "CPU"}))
    x = shaken(exact, ethane)
    np.testing.assert_allclose(single.energy_forces(x)[1], exact.energy_forces(x)[1], rtol=1e-4, atol=0.1)


def test_an_unknown_platform_is_one_clear_line(ethane: Path, mm_engine: Engine) -> None:
    with pytest.raises(UserError, match=r"platform: Abacus.*try auto") as error:
        open_potential(ethane, mm_engine.model_copy(update={"platform": "Abacus"}))
    assert "\n" not in str(error.value)


def test_centre_of_mass_removal_is_switched_off(ethane: Path, mm_engine: Engine) -> None:
    system, _ = load_system(ethane, mm_engine.constraints)
    assert not any(isinstance(force, openmm.CMMotionRemover) for force in system.getForces())


@pytest.mark.parametrize("content", [None, "<System", "<State/>"])
def test_a_missing_or_broken_system_is_one_clear_line(
    ethane: Path, mm_engine: Engine, tmp_path: Path, content: str | None
) -> None:
    (tmp_path / "graph.json").write_text((ethane / "graph.json").read_text())
    if content is not None:
        (tmp_path / "system.xml").write_text(content)
    with pytest.raises(UserError, match=r"system\.xml: .*prepare") as error:
        open_potential(tmp_path, mm_engine)
    assert "\n" not in str(error.value)


def test_a_system_of_another_molecule_is_refused(ethane: Path, water: Path, mm_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "graph.json").write_text((ethane / "graph.json").read_text())
    (tmp_path / "system.xml").write_text((water / "system.xml").read_text())
    with pytest.raises(UserError, match="not a System of the 8 atoms"):
        open_potential(tmp_path, mm_engine)
