import copy
from collections.abc import Callable

import numpy as np
import openmm
import pytest
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers, rdmolops

from mdsnake.config import Molecule
from mdsnake.prepare.conformer import conformer
from mdsnake.prepare.dropped import Dropped
from mdsnake.prepare.graph import positions
from mdsnake.prepare.mmff94 import build_system
from mdsnake.units import ANGSTROM, KJ_PER_KCAL

MOLECULES = {
    "water": "O",
    "ethanol": "CCO",
    "acetamide": "CC(N)=O",
    "methanesulfonamide": "CS(N)(=O)=O",
    "trimethyl-phosphate": "COP(=O)(OC)OC",
    "dihydrogen-phosphate": "COP(=O)(O)[O-]",
    "nitromethane": "C[N+](=O)[O-]",
    "methyl-azide": "CN=[N+]=[N-]",
    "acetonitrile": "CC#N",
    "allene": "C=C=C",
    "butyne": "CC#CC",
    "isocyanide": "C[N+]#[C-]",
    "diazonium": "[N+](#N)c1ccccc1",
    "carbon-dioxide": "O=C=O",
    "glycine-zwitterion": "[NH3+]CC(=O)[O-]",
    "guanidinium": "NC(N)=[NH2+]",
    "imidazolium": "C[n+]1cc[nH]c1",
    "thiophene": "c1ccsc1",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "epoxide": "C1CO1",
    "cyclobutane": "C1CCC1",
    "bicyclobutane": "C1C2C1C2",
    "dimethyl-sulfoxide": "CS(C)=O",
    "chloroform": "ClC(Cl)Cl",
    "alanine-dipeptide": "CC(=O)NC(C)C(=O)NC",
}
TERMS = {
    "bond stretch": "Bond",
    "angle bend": "Angle",
    "linear bend": "Angle",
    "stretch-bend": "StretchBend",
    "out of plane": "Oop",
    "torsion": "Torsion",
    "nonbonded": "Vdw Ele",
}


def molecule(name: str) -> Chem.Mol:
    smiles = MOLECULES[name]
    charge = rdmolops.GetFormalCharge(Chem.MolFromSmiles(smiles))
    return conformer(Molecule(name=name, smiles=smiles, charge=charge), seed=1)


def perturbed(mol: Chem.Mol, width: float, seed: int) -> np.ndarray:
    """Coordinates in nm, moved by `width` nm and set in `mol` too."""
    x = positions(mol) + np.random.default_rng(seed).normal(scale=width, size=(mol.GetNumAtoms(), 3))
    for index, place in enumerate(x / ANGSTROM):
        mol.GetConformer().SetAtomPosition(index, place.tolist())
    return x


def evaluator(system: openmm.System) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Energy in kJ/mol and forces in kJ/mol/nm at coordinates in nm, from one context."""
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatform("Reference"))

    def evaluate(x: np.ndarray) -> tuple[float, np.ndarray]:
        context.setPositions(x)
        state = context.getState(energy=True, forces=True)
        forces = state.getForces(asNumpy=True).value_in_unit_system(openmm.unit.md_unit_system)
        return state.getPotentialEnergy().value_in_unit(openmm.unit.kilojoule_per_mole), forces

    return evaluate


def rdkit_energy_forces(mol: Chem.Mol, only: str = "") -> tuple[float, np.ndarray]:
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
    if only:
        for term in set(" ".join(TERMS.values()).split()):
            getattr(properties, f"SetMMFF{'VdW' if term == 'Vdw' else term}Term")(term in only.split())
    field = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties)
    gradient = np.array(field.CalcGrad()).reshape(-1, 3)
    return field.CalcEnergy() * KJ_PER_KCAL, -gradient * KJ_PER_KCAL / ANGSTROM


@pytest.mark.parametrize("name", MOLECULES)
def test_energies_and_forces_are_those_of_rdkit(name: str) -> None:
    mol = molecule(name)
    evaluate = evaluator(build_system(mol))
    for width, seed in [(0.0, 0), (0.003, 1), (0.01, 2), (0.02, 3)]:
        x = perturbed(mol, width, seed)
        energy, forces = evaluate(x)
        expected_energy, expected_forces = rdkit_energy_forces(mol)
        assert abs(energy - expected_energy) < 1e-6
        assert np.isfinite(forces).all()
        if width:  # at the minimum a relative error of forces means nothing
            assert np.abs(forces - expected_forces).max() < 1e-8 * np.abs(expected_forces).max()


@pytest.mark.parametrize("name", ["methanesulfonamide", "methyl-azide", "allene", "nitromethane", "alanine-dipeptide"])
def test_each_term_is_that_of_rdkit(name: str) -> None:
    mol = molecule(name)
    system = build_system(mol)
    x = perturbed(mol, 0.01, 4)
    for term in set(TERMS.values()):
        part = copy.deepcopy(system)
        for index in reversed(range(part.getNumForces())):
            if TERMS[part.getForce(index).getName()] != term:
                part.removeForce(index)
        assert evaluator(part)(x)[0] == pytest.approx(rdkit_energy_forces(mol, term)[0], abs=1e-8)


@pytest.mark.parametrize("name", ["methyl-azide", "trimethyl-phosphate", "glycine-zwitterion", "allene", "thiophene"])
def test_forces_are_the_negative_gradient(name: str) -> None:
    mol = molecule(name)
    evaluate = evaluator(build_system(mol))
    x = perturbed(mol, 0.005, 5)
    step = 1e-6
    numeric = np.zeros_like(x)
    for index in np.ndindex(*x.shape):
        shift = np.zeros_like(x)
        shift[index] = step
        numeric[index] = (evaluate(x - shift)[0] - evaluate(x + shift)[0]) / (2 * step)
    forces = evaluate(x)[1]
    assert np.abs(forces - numeric).max() < 1e-6 * np.abs(forces).max()


@pytest.mark.parametrize("name", MOLECULES)
def test_the_system_survives_its_file(name: str) -> None:
    mol = molecule(name)
    system = build_system(mol)
    text = openmm.XmlSerializer.serialize(system)
    read = openmm.XmlSerializer.deserialize(text)
    assert openmm.XmlSerializer.serialize(read) == text
    x = perturbed(mol, 0.01, 6)
    (energy, forces), (energy_read, forces_read) = evaluator(system)(x), evaluator(read)(x)
    assert energy_read == energy
    np.testing.assert_array_equal(forces_read, forces)


def test_the_system_has_atoms_masses_and_no_constraints() -> None:
    mol = molecule("ethanol")
    system = build_system(mol)
    masses = [system.getParticleMass(i).value_in_unit(openmm.unit.dalton) for i in range(system.getNumParticles())]
    assert masses == [atom.GetMass() for atom in mol.GetAtoms()]
    assert system.getNumConstraints() == 0
    assert {force.getName() for force in system.getForces()} == set(TERMS) - {"linear bend", "out of plane"}


def test_net_force_and_torque_vanish() -> None:
    mol = molecule("aspirin")
    x = perturbed(mol, 0.01, 7)
    forces = evaluator(build_system(mol))(x)[1]
    scale = np.abs(forces).max()
    assert np.abs(forces.sum(axis=0)).max() < 1e-10 * scale
    assert np.abs(np.cross(x, forces).sum(axis=0)).max() < 1e-10 * scale


def test_an_untyped_atom_drops_the_molecule() -> None:
    mol = conformer(Molecule(name="borane", smiles="CB(C)C"), seed=0)
    with pytest.raises(Dropped, match="MMFF94 has no type"):
        build_system(mol)
