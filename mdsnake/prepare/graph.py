"""RDKit molecule → the graph and the topology the other stages read."""

from collections import Counter

import numpy as np
from openmm import app
from rdkit import Chem
from rdkit.Chem import rdmolops

from mdsnake.config import Molecule
from mdsnake.prepare.conformer import multiplicity
from mdsnake.store.graph import MoleculeGraph
from mdsnake.units import ANGSTROM

BOND_KINDS = {1.0: app.Single, 1.5: app.Aromatic, 2.0: app.Double, 3.0: app.Triple}


def positions(mol: Chem.Mol) -> np.ndarray:
    """The conformer in nm, (N, 3)."""
    return mol.GetConformer().GetPositions() * ANGSTROM


def molecule_graph(mol: Chem.Mol, row: Molecule, forcefield: str) -> MoleculeGraph:
    """Atoms and bonds of `mol`, whose conformer is the minimised one."""
    atoms = list(mol.GetAtoms())
    bonds = _sorted_bonds(mol)
    return MoleculeGraph(
        name=row.name,
        smiles=row.smiles,
        charge=rdmolops.GetFormalCharge(mol),
        multiplicity=multiplicity(mol, row.multiplicity),
        forcefield=forcefield,
        numbers=[atom.GetAtomicNum() for atom in atoms],
        masses=[atom.GetMass() for atom in atoms],
        formal_charges=[atom.GetFormalCharge() for atom in atoms],
        hybridisations=[str(atom.GetHybridization()) for atom in atoms],
        rings=[int(atom.IsInRing()) for atom in atoms],
        bonds=[_ends(bond) for bond in bonds],
        bond_orders=[bond.GetBondTypeAsDouble() for bond in bonds],
        bond_rings=[int(bond.IsInRing()) for bond in bonds],
        positions=positions(mol).tolist(),
    )


def openmm_topology(mol: Chem.Mol) -> app.Topology:
    """One residue MOL of one chain; atoms are named by element and count, bonds keep their order."""
    topology = app.Topology()
    residue = topology.addResidue("MOL", topology.addChain())
    counts: Counter[str] = Counter()
    atoms = []
    for atom in mol.GetAtoms():
        symbol = atom.GetSymbol()
        counts[symbol] += 1
        atoms.append(topology.addAtom(f"{symbol}{counts[symbol]}", app.Element.getBySymbol(symbol), residue))
    for bond in _sorted_bonds(mol):
        i, j = _ends(bond)
        order = bond.GetBondTypeAsDouble()
        topology.addBond(atoms[i], atoms[j], BOND_KINDS.get(order), round(order) if order != 1.5 else None)
    return topology


def _ends(bond: Chem.Bond) -> list[int]:
    return sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))


def _sorted_bonds(mol: Chem.Mol) -> list[Chem.Bond]:
    return sorted(mol.GetBonds(), key=_ends)
