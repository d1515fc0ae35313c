import numpy as np
from openmm import app

from mdsnake.config import Molecule
from mdsnake.prepare.conformer import conformer
from mdsnake.prepare.graph import molecule_graph, openmm_topology, positions
from mdsnake.store.graph import MoleculeGraph


def graph(smiles: str, **row: int) -> MoleculeGraph:
    molecule = Molecule(name="x", smiles=smiles, **row)
    return molecule_graph(conformer(molecule, seed=0), molecule, "mmff94")


def orders(found: MoleculeGraph) -> dict[tuple[int, int], float]:
    return {(i, j): order for (i, j), order in zip(found.bonds, found.bond_orders, strict=True)}


def test_acetamide() -> None:
    found = graph("CC(N)=O")
    assert found.numbers == [6, 6, 7, 8, 1, 1, 1, 1, 1]
    assert found.hybridisations == ["SP3", "SP2", "SP2", "SP2", "S", "S", "S", "S", "S"]
    assert orders(found) == {(0, 1): 1, (0, 4): 1, (0, 5): 1, (0, 6): 1, (1, 2): 1, (1, 3): 2, (2, 7): 1, (2, 8): 1}
    assert found.rings == [0] * 9
    assert (found.charge, found.multiplicity, found.forcefield) == (0, 1, "mmff94")
    assert found.topological_distances[3, 7] == 3


def test_pyridine_is_aromatic_and_in_a_ring() -> None:
    found = graph("c1ccncc1")
    assert found.rings == [1] * 6 + [0] * 5
    assert sorted(found.bond_orders) == [1.0] * 5 + [1.5] * 6
    assert [o == 1.5 for o in found.bond_orders] == [bool(r) for r in found.bond_rings]


def test_formal_charges_triple_bonds_and_linear_atoms() -> None:
    azide = graph("CN=[N+]=[N-]")
    assert azide.formal_charges == [0, 0, 1, -1, 0, 0, 0]
    assert azide.hybridisations[2] == "SP"
    assert orders(graph("CC#N"))[(1, 2)] == 3
    assert graph("CC(=O)[O-]", charge=-1).charge == -1
    assert graph("[CH3]", multiplicity=2).multiplicity == 2


def test_positions_are_in_nanometres() -> None:
    lengths = dict(zip(map(tuple, graph("CCO").bonds), graph("CCO").bond_lengths, strict=True))
    assert 0.150 < lengths[(0, 1)] < 0.156
    assert 0.138 < lengths[(1, 2)] < 0.145
    assert 0.095 < lengths[(2, 8)] < 0.099


def test_isotopes_keep_their_mass() -> None:
    assert np.isclose(graph("[2H]OC").masses[0], 2.014, atol=1e-3)


def test_the_topology_has_the_graph_s_atoms_and_bonds() -> None:
    molecule = Molecule(name="x", smiles="Cc1ccccc1C#N")
    mol = conformer(molecule, seed=0)
    topology, found = openmm_topology(mol), molecule_graph(mol, molecule, "mmff94")
    assert [atom.element.atomic_number for atom in topology.atoms()] == found.numbers
    assert [[bond[0].index, bond[1].index] for bond in topology.bonds()] == found.bonds
    assert len({atom.name for atom in topology.atoms()}) == found.n_atoms
    assert [residue.name for residue in topology.residues()] == ["MOL"]
    assert {bond.type for bond in topology.bonds()} == {app.Single, app.Aromatic, app.Triple}
    np.testing.assert_array_equal(positions(mol), found.positions)
