"""An OpenMM XML of the user's: a serialised system, or a force field.

OpenMM runs what a force field holds in `<Script>`, and reads the files that it names in `<Include>`.  Both are refused:
a force field is data.
"""

import io
from pathlib import Path
from xml.etree import ElementTree

import openmm
from openmm import app
from rdkit import Chem

from mdsnake.errors import UserError
from mdsnake.inputs import read_text
from mdsnake.prepare.dropped import Dropped
from mdsnake.prepare.graph import openmm_topology

FORBIDDEN = ("Script", "InitializationScript", "Include")


def build_system(mol: Chem.Mol, template: str) -> openmm.System:
    """The system that the file says; `{molecule}` in `template` stands for the name.

    A `<System>` has its particles in the molecule's atom order (that of the SMILES, hydrogens last);
    a `<ForceField>` has a residue template that matches the molecule.
    """
    path = Path(template.replace("{molecule}", mol.GetProp("_Name")))
    try:
        text = read_text(path)
    except UserError as error:
        raise Dropped(f"forcefield: {error}") from error
    try:
        tree = ElementTree.fromstring(text)
        for tag in FORBIDDEN:
            if tree.find(f".//{tag}") is not None:
                raise ValueError(f"<{tag}> runs code or reads other files; take it out")
        if tree.tag == "System":
            system = openmm.XmlSerializer.deserialize(text)
        elif tree.tag == "ForceField":
            system = app.ForceField(io.StringIO(text)).createSystem(openmm_topology(mol), rigidWater=False)
        else:
            raise ValueError(f"the root is <{tree.tag}>, expected <System> or <ForceField>")
    except Exception as error:  # OpenMM's parsers raise whatever they meet
        raise Dropped(f"forcefield: {path}: {error or type(error).__name__}; mend the file") from error
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
