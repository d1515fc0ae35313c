"""SMILES → a checked molecule with hydrogens and one minimised conformer."""

from functools import partial

from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdmolops

from mdsnake.config import Molecule
from mdsnake.inputs import short
from mdsnake.prepare.dropped import Dropped
from mdsnake.seeds import integer_seed
from mdsnake.store.graph import BOND_ORDERS

MOST_ATOMS = 250  # embedding and minimising more takes minutes


def conformer(row: Molecule, seed: int) -> Chem.Mol:
    """The row's molecule, named, with hydrogens and a minimised conformer in Å; `Dropped` where it has none."""
    with rdBase.BlockLogs():
        mol = read_smiles(row.smiles)
        check_charge(mol, row.charge)
        multiplicity(mol, row.multiplicity)
        mol.SetProp("_Name", row.name)
        embed(mol, integer_seed(seed, row.name))
        minimise(mol)
    return mol


def read_smiles(smiles: str) -> Chem.Mol:
    """A sanitised molecule with hydrogens: heavy atoms in the order of the SMILES, hydrogens after them."""
    shown = repr(short(smiles, 60))
    raw = Chem.MolFromSmiles(smiles, sanitize=False)
    if raw is None:
        raise Dropped(f"smiles: {shown} is not valid; mend its syntax")
    problems = Chem.DetectChemistryProblems(raw)
    if problems:
        raise Dropped(f"smiles: {shown}: {problems[0].Message()}")
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    Chem.SetHybridization(mol)  # AddHs leaves that of the hydrogens unset
    fragments = len(rdmolops.GetMolFrags(mol))
    if fragments != 1:
        raise Dropped(f"smiles: {shown} holds {fragments} molecules; give one a row")
    if mol.GetNumAtoms() < 2:
        raise Dropped(f"smiles: {shown} is a single atom, which has no internal motion")
    if any(atom.GetAtomicNum() == 0 for atom in mol.GetAtoms()):
        raise Dropped(f"smiles: {shown} holds a placeholder atom; name the element")
    if mol.GetNumAtoms() > MOST_ATOMS:
        raise Dropped(f"smiles: {mol.GetNumAtoms()} atoms, hydrogens included; at most {MOST_ATOMS} can be prepared")
    if not {bond.GetBondTypeAsDouble() for bond in mol.GetBonds()} <= set(BOND_ORDERS):
        raise Dropped(f"smiles: {shown} holds a bond that is not single, double, triple or aromatic; write it so")
    return mol


def check_charge(mol: Chem.Mol, stated: int | None) -> int:
    """The formal charge; one that is not zero must be stated, and what is stated must be right."""
    charge = rdmolops.GetFormalCharge(mol)
    if stated is None and charge:
        raise Dropped(f"charge: the SMILES has {charge:+d} and the column is empty; write {charge} there")
    if stated is not None and stated != charge:
        raise Dropped(f"charge: the SMILES has {charge:+d} and the column {stated:+d}; make them agree")
    return charge


def multiplicity(mol: Chem.Mol, stated: int | None) -> int:
    """2S + 1: the one stated, or 1 for a closed shell; an open shell must be stated and fit the electron count."""
    electrons = sum(atom.GetAtomicNum() for atom in mol.GetAtoms()) - rdmolops.GetFormalCharge(mol)
    radicals = sum(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms())
    if stated is None:
        if electrons % 2 or radicals:
            raise Dropped(
                f"multiplicity: {electrons} electrons, {radicals} of them unpaired in the SMILES: state it, 2S + 1"
            )
        return 1
    if (electrons - stated + 1) % 2 or stated > electrons + 1:
        raise Dropped(f"multiplicity: {stated} cannot be had with {electrons} electrons; even counts need an odd one")
    return stated


def embed(mol: Chem.Mol, seed: int) -> None:
    """Give `mol` a conformer by ETKDGv3 (Wang et al., J. Chem. Inf. Model. 60, 2044 (2020)).

    Starts from random coordinates where the eigenvectors of the distance matrix fail.
    """
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed  # type: ignore[assignment]  # the stub has the wrong type
    for random_start in (False, True):
        parameters.useRandomCoords = random_start  # type: ignore[assignment]
        if rdDistGeom.EmbedMolecule(mol, parameters) >= 0:
            return
    raise Dropped("no conformer: ETKDGv3 failed, from random coordinates too; check rings and stereocentres")


def minimise(mol: Chem.Mol) -> None:
    """Bring the conformer to a minimum of MMFF94, or of UFF where MMFF94 has no atom type."""
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
        iterate = partial(rdForceFieldHelpers.MMFFOptimizeMolecule, mol, maxIters=1000)
    elif rdForceFieldHelpers.UFFHasAllMoleculeParams(mol):
        iterate = partial(rdForceFieldHelpers.UFFOptimizeMolecule, mol, maxIters=1000)
    else:
        raise Dropped("neither MMFF94 nor UFF has types for all atoms")
    if all(iterate() for _ in range(20)):
        raise Dropped("the conformer did not reach a minimum in 20000 iterations")
