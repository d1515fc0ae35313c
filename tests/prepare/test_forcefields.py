import sys
from pathlib import Path

import numpy as np
import openmm
import pytest
from rdkit import Chem

from mdsnake.config import Molecule
from mdsnake.errors import UserError
from mdsnake.prepare.conformer import conformer
from mdsnake.prepare.dropped import Dropped
from mdsnake.prepare.forcefields import build_system, energy_forces
from mdsnake.prepare.graph import positions

WATER = """<ForceField>
 <AtomTypes>
  <Type name="O" class="O" element="O" mass="15.999"/>
  <Type name="H" class="H" element="H" mass="1.008"/>
 </AtomTypes>
 <Residues>
  <Residue name="WAT">
   <Atom name="O" type="O"/><Atom name="A" type="H"/><Atom name="B" type="H"/>
   <Bond atomName1="O" atomName2="A"/><Bond atomName1="O" atomName2="B"/>
  </Residue>
 </Residues>
 <HarmonicBondForce><Bond class1="O" class2="H" length="0.1" k="400000"/></HarmonicBondForce>
</ForceField>
"""


@pytest.fixture
def water() -> Chem.Mol:
    return conformer(Molecule(name="water", smiles="O"), seed=0)


def test_an_unknown_name_lists_the_choices(water: Chem.Mol) -> None:
    with pytest.raises(UserError, match=r"'gaff'; choose mmff94, openff-2.3.0, openff-2.2.1") as caught:
        build_system("gaff", water)
    assert not isinstance(caught.value, Dropped)


@pytest.mark.parametrize("name", ["openff-2.3.0", "openff-2.2.1"])
def test_openff_names_its_environment_where_it_is_missing(
    name: str, water: Chem.Mol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openff.toolkit", None)
    with pytest.raises(UserError, match=rf"{name} .*envs/openff.yaml") as caught:
        build_system(name, water)
    assert not isinstance(caught.value, Dropped)


def test_a_system_file_is_used_as_it_is(tmp_path: Path, water: Chem.Mol) -> None:
    system = build_system("mmff94", water)
    text = openmm.XmlSerializer.serialize(system)
    system.addForce(openmm.CMMotionRemover())
    (tmp_path / "water.xml").write_text(openmm.XmlSerializer.serialize(system))
    found = build_system(str(tmp_path / "{molecule}.xml"), water)
    assert openmm.XmlSerializer.serialize(found) == text


def test_a_force_field_file_is_applied(tmp_path: Path, water: Chem.Mol) -> None:
    (tmp_path / "water.xml").write_text(WATER)
    system = build_system(str(tmp_path / "water.xml"), water)
    x = positions(water)
    expected = sum(0.5 * 400000 * (np.linalg.norm(x[0] - x[i]) - 0.1) ** 2 for i in (1, 2))
    assert energy_forces(system, x)[0] == pytest.approx(expected)
    assert [type(force) for force in system.getForces()] == [openmm.HarmonicBondForce]


def written(path: Path, system: openmm.System | None = None, text: str = "") -> str:
    path.write_text(openmm.XmlSerializer.serialize(system) if system is not None else text)
    return str(path)


def of_masses(*masses: float) -> openmm.System:
    system = openmm.System()
    for mass in masses:
        system.addParticle(mass)
    return system


def test_an_unfit_file_drops_the_molecule(tmp_path: Path, water: Chem.Mol) -> None:
    path = tmp_path / "water.xml"
    rigid = of_masses(15.999, 1.008, 1.008)
    rigid.addConstraint(0, 1, 0.1)
    periodic = of_masses(15.999, 1.008, 1.008)
    force = openmm.NonbondedForce()
    for _ in range(3):
        force.addParticle(0.0, 0.1, 0.0)
    force.setNonbondedMethod(openmm.NonbondedForce.PME)
    periodic.addForce(force)
    infinite = of_masses(15.999, 1.008, 1.008)
    infinite.addForce(openmm.CustomExternalForce("1/(x-x)"))
    infinite.getForce(0).addParticle(0, [])
    for reason, system, text in [
        ("2 particles, but the molecule has 3 atoms", of_masses(15.999, 1.008), ""),
        ("particle 0 weighs 1.008 Da, but the atom is O", of_masses(1.008, 15.999, 1.008), ""),
        ("constraints", rigid, ""),
        ("periodic", periodic, ""),
        ("not finite", infinite, ""),
        ("root is <Integrator>", None, "<Integrator/>"),
        ("water.xml: ", None, "this is no XML"),
        ("No template", None, WATER.replace('<Bond atomName1="O" atomName2="B"/>', "")),
    ]:
        with pytest.raises(Dropped, match=reason):
            build_system(written(path, system, text), water)
    with pytest.raises(Dropped, match="no such file"):
        build_system(str(tmp_path / "other-{molecule}.xml"), water)
