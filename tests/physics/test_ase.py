import os
import subprocess
import sys
from pathlib import Path

import ase.units
import numpy as np
import pytest
from ase.calculators.emt import EMT

from mdsnake import units
from mdsnake.config import Engine
from mdsnake.errors import UserError
from mdsnake.physics.ase import ASEPotential
from mdsnake.physics.potential import EvaluationFailed, open_potential
from mdsnake.store.graph import MoleculeGraph


def positions(folder: Path, seed: int = 0) -> np.ndarray:
    x = np.array(MoleculeGraph.load(folder / "graph.json").positions)
    return x + 0.003 * np.random.default_rng(seed).standard_normal(x.shape)


def with_calculator(engine: Engine, entry: str) -> Engine:
    return engine.model_copy(update={"calculator": entry})


def emt(graph: MoleculeGraph) -> EMT:
    """A calculator by entry, as a user would write it."""
    assert graph.charge == 0
    return EMT()


def test_forces_are_the_gradient(water: Path, qm_engine: Engine) -> None:
    potential = open_potential(water, qm_engine)
    x, h = positions(water), 1e-4
    forces = potential.energy_forces(x)[1]
    for i in range(len(x)):
        for j in range(3):
            step = np.zeros_like(x)
            step[i, j] = h
            slope = (potential.energy_forces(x + step)[0] - potential.energy_forces(x - step)[0]) / (2 * h)
            assert forces[i, j] == pytest.approx(-slope, abs=0.5)  # forces are ~10³ kJ/mol/nm
    assert potential.degrees_of_freedom == 6


def test_kinetic_energy_is_the_same_on_both_sides_of_the_unit_boundary(water: Path, qm_engine: Engine) -> None:
    potential = ASEPotential.open(water, qm_engine)
    v = np.random.default_rng(0).standard_normal((3, 3))
    potential.atoms.set_velocities(units.to_ase_velocities(v))
    ours = float(units.kinetic_energy(v, potential.masses))
    assert potential.atoms.get_kinetic_energy() * units.EV == pytest.approx(ours, rel=1e-12)
    np.testing.assert_allclose(units.from_ase_velocities(potential.atoms.get_velocities()), v, rtol=1e-12)
    assert pytest.approx(ase.units.fs, rel=1e-6) == units.FEMTOSECOND / units.ASE_TIME


def test_energy_and_forces_are_those_of_plain_ase(water: Path, qm_engine: Engine) -> None:
    from ase import Atoms
    from tblite.ase import TBLite

    x = positions(water)
    energy, forces = open_potential(water, qm_engine).energy_forces(x)
    atoms = Atoms("OH2", positions=10 * x, calculator=TBLite(verbosity=0))
    assert energy == pytest.approx(atoms.get_potential_energy() * ase.units.mol / ase.units.kJ, rel=1e-7)
    np.testing.assert_allclose(forces, atoms.get_forces() * 10 * ase.units.mol / ase.units.kJ, rtol=1e-4, atol=0.1)


def test_xtb_python_and_tblite_agree(water: Path, qm_engine: Engine) -> None:
    first, second = (
        open_potential(water, with_calculator(qm_engine, f"{name}:GFN2-xTB")) for name in ("tblite", "xtb")
    )
    for seed in range(3):
        (e1, f1), (e2, f2) = (p.energy_forces(positions(water, seed)) for p in (first, second))
        assert abs(e1 - e2) / units.EV < 3e-6
        np.testing.assert_allclose(f1, f2, atol=2)


@pytest.mark.parametrize("entry", ["tblite:GFN2-xTB", "xtb:GFN2-xTB"])
def test_charge_and_multiplicity_reach_the_calculator(
    water: Path, qm_engine: Engine, tmp_path: Path, entry: str
) -> None:
    graph = MoleculeGraph.load(water / "graph.json")
    energies = {}
    for charge, multiplicity in [(0, 1), (1, 2), (0, 3)]:
        fields = graph.__dict__ | {"charge": charge, "multiplicity": multiplicity}
        fields.pop("topological_distances", None)
        potential = ASEPotential(MoleculeGraph(**fields), entry)
        energies[charge, multiplicity] = potential.energy_forces(positions(water))[0] / units.EV
    assert energies[1, 2] - energies[0, 1] > 5  # ionisation
    assert energies[0, 3] - energies[0, 1] > 3  # triplet


def test_calls_are_counted_once_a_geometry(water: Path, qm_engine: Engine) -> None:
    potential = ASEPotential.open(water, qm_engine)
    x = positions(water)
    potential.energy_forces(x)
    potential.energy_forces(x)
    potential.atoms.get_potential_energy()
    assert potential.calls.force_calls == 1
    potential.atoms.positions += 0.01
    potential.atoms.get_forces()
    assert potential.calls.force_calls == 2
    assert potential.calls.force_ms > 0


def test_any_ase_calculator_by_entry(water: Path, qm_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    potential = open_potential(water, with_calculator(qm_engine, f"{Path(__file__).stem}:emt"))
    energy, forces = potential.energy_forces(positions(water))
    assert np.isfinite(energy)
    assert forces.shape == (3, 3)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("tblite", "write tblite:METHOD"),
        ("no_such_package:Calculator", "no_such_package is not installed"),
        ("ase.calculators.emt:NoSuch", "NoSuch"),
    ],
)
def test_a_bad_entry_is_one_clear_line(water: Path, qm_engine: Engine, entry: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        open_potential(water, with_calculator(qm_engine, entry))
    assert "\n" not in str(error.value)


def test_an_unknown_method_is_one_clear_line(water: Path, qm_engine: Engine) -> None:
    with pytest.raises(UserError, match="GFN9-xTB") as error:
        open_potential(water, with_calculator(qm_engine, "tblite:GFN9-xTB")).energy_forces(positions(water))
    assert "\n" not in str(error.value)


def test_a_failed_calculation_names_the_molecule_and_is_got_over(water: Path, qm_engine: Engine) -> None:
    potential = open_potential(water, qm_engine)
    x = positions(water)
    before = potential.energy_forces(x)[0]
    with pytest.raises(EvaluationFailed, match=r"h2o: tblite:GFN2-xTB failed") as error:
        potential.energy_forces(np.zeros_like(x))
    assert "\n" not in str(error.value)
    assert potential.calls.force_calls == 2, "it took its time"
    assert potential.energy_forces(x)[0] == pytest.approx(before, abs=1e-2)


FAILING = """
import sys
import numpy as np
from mdsnake.physics.ase import ASEPotential
from mdsnake.physics.potential import EvaluationFailed
from tests.toys import toy_graph

graph = toy_graph("CH3OH")
potential, x = ASEPotential(graph, "tblite:GFN2-xTB"), np.array(graph.positions)
expected, rng, failures = potential.energy_forces(x)[0], np.random.default_rng(2), 0
for _ in range(5):
    try:
        potential.energy_forces(x + 0.6 * rng.standard_normal(x.shape))
    except EvaluationFailed:
        failures += 1
    assert abs(potential.energy_forces(x + 1e-9 * rng.standard_normal(x.shape))[0] - expected) < 1e-2
print(failures, "failures")
"""


def test_many_failed_calculations_leave_nothing_behind() -> None:
    told = os.environ | {"PYTHONPATH": os.getcwd(), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", FAILING]  # of its own: Fortran may end the process
    run = subprocess.run(command, capture_output=True, text=True, env=told, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout.split()[0]) > 3


@pytest.mark.parametrize("where", [np.nan, np.inf, 1e200])
def test_an_atom_that_is_nowhere_does_not_end_the_process(water: Path, qm_engine: Engine, where: float) -> None:
    potential, x = open_potential(water, qm_engine), positions(water)
    energy, _ = potential.energy_forces(x)
    lost = x.copy()
    lost[0, 0] = where
    with pytest.raises(EvaluationFailed, match=r"^h2o: the dynamics exploded; shorten timestep_fs$"):
        potential.energy_forces(lost)
    assert potential.energy_forces(x)[0] == pytest.approx(energy, abs=1e-6)
