"""An OpenMM XML of the user's: a serialised system, or a force field."""

from pathlib import Path
from xml.etree import ElementTree

import openmm
from openmm import app
from rdkit import Chem

from mdsnake.prepare.dropped import Dropped
from mdsnake.prepare.graph import openmm_topology


def build_system(mol: Chem.Mol, template: str) -> openmm.System:
    """The system that the file says; `{molecule}` in `template` stands for the name.

    A `<System>` has its particles in the molecule's atom order (that of the SMILES, hydrogens last);
    a `<ForceField>` has a residue template that matches the molecule.
    """
    path = Path(template.replace("{molecule}", mol.GetProp("_Name")))
    if not path.is_file():
        raise Dropped(f"forcefield: {path}: no such file")
    text = path.read_text()
    try:
        root = ElementTree.fromstring(text).tag
        if root == "System":
            system = openmm.XmlSerializer.deserialize(text)
        elif root == "ForceField":
            system = app.ForceField(str(path)).createSystem(openmm_topology(mol), rigidWater=False)
        else:
            raise ValueError(f"the root is <{root}>, expected <System> or <ForceField>")
    except Exception as error:  # OpenMM's parsers raise whatever they meet
        raise Dropped(f"forcefield: {path}: {error}") from error
    check_particles(system, mol, path)
    return system


def check_particles(system: openmm.System, mol: Chem.Mol, path: Path) -> None:
    """`Dropped` unless particles and atoms agree in number and, within 0.5 Da, in mass."""
    if system.getNumParticles() != mol.GetNumAtoms():
        raise Dropped(
            f"forcefield: {path}: {system.getNumParticles()} particles, but the molecule has {mol.GetNumAtoms()} atoms"
        )
    for atom in mol.GetAtoms():
        mass = system.getParticleMass(atom.GetIdx()).value_in_unit(openmm.unit.dalton)
        if abs(mass - atom.GetMass()) > 0.5:
            raise Dropped(
                f"forcefield: {path}: particle {atom.GetIdx()} weighs {mass:g} Da, but the atom is {atom.GetSymbol()}; "
                "put the particles in the order of the SMILES, hydrogens last"
            )
