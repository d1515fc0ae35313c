import dataclasses

import numpy as np
import pytest
import torch

from mdsnake.errors import UserError
from mdsnake.families.kstep.features import (
    ATOM_CLASSES,
    BOND_ORDERS,
    ELEMENTS,
    FARTHEST,
    HYBRIDISATIONS,
    PAIR_CLASSES,
    molecule_tensors,
)
from tests.toys import toy_graph


def test_atoms_are_told_by_their_surroundings() -> None:
    graph = toy_graph("CH3OH")
    changed = dataclasses.replace(graph, formal_charges=[-1, *graph.formal_charges[1:]], rings=[1] + [0] * 5)
    atoms = molecule_tensors(changed).atoms
    carbon, oxygen = graph.numbers.index(6), graph.numbers.index(8)
    sp3 = HYBRIDISATIONS.index("SP3")
    assert carbon == 0
    assert atoms[carbon].tolist() == [ELEMENTS.index(6), 1, sp3, 1, 4, 3]
    assert atoms[oxygen].tolist() == [ELEMENTS.index(8), 2, sp3, 0, 2, 1]
    assert (atoms < torch.tensor(ATOM_CLASSES)).all()


def test_pairs_are_told_by_the_bonds_between_them() -> None:
    graph = toy_graph("C2H6")
    changed = dataclasses.replace(graph, bond_orders=[1.5, *graph.bond_orders[1:]], bond_rings=[1] + [0] * 6)
    tensors = molecule_tensors(changed)
    assert tensors.pairs.shape == (2, 28)
    x, (i, j) = np.array(graph.positions), tensors.pairs.numpy()
    assert (i < j).all()
    apart = changed.topological_distances[i, j]
    np.testing.assert_array_equal(tensors.pair_classes[:, 0], np.minimum(apart, FARTHEST) - 1)
    first = graph.bonds[0]
    bonded = [tensors.pair_classes[row].tolist() for row in range(28) if [i[row], j[row]] == first]
    assert bonded == [[0, BOND_ORDERS.index(1.5), 1]]
    np.testing.assert_allclose(tensors.rest, np.where(apart <= 2, np.linalg.norm(x[i] - x[j], axis=-1), 0), rtol=1e-6)
    assert (tensors.pair_classes < torch.tensor(PAIR_CLASSES)).all()


def test_the_internal_coordinates_are_those_of_the_graph() -> None:
    graph = toy_graph("C2H6")
    tensors = molecule_tensors(graph)
    assert (len(tensors.bonds), len(tensors.angles), len(tensors.dihedrals)) == (7, 12, 9)
    assert tensors.masses.tolist() == pytest.approx(graph.masses)
    water = molecule_tensors(toy_graph("H2O"))
    assert water.dihedrals.shape == (0, 4)


def test_another_order_is_the_same_molecule() -> None:
    tensors, order = molecule_tensors(toy_graph("CH3OH")), torch.tensor([3, 0, 5, 1, 4, 2])
    other = tensors.permuted(order)
    x = torch.randn(6, 3)
    for name in ("bonds", "angles", "dihedrals", "rigid"):
        assert torch.equal(x[order][getattr(other, name)], x[getattr(tensors, name)])
    assert torch.equal(x[order][other.pairs], x[tensors.pairs])
    assert torch.equal(other.masses, tensors.masses[order])
    assert torch.equal(other.atoms, tensors.atoms[order])


def test_an_unknown_element_is_one_clear_line() -> None:
    graph = dataclasses.replace(toy_graph("H2O"), numbers=[34, 1, 1])
    with pytest.raises(UserError, match=r"^h2o: kstep knows no element with atomic number 34; leave the molecule out$"):
        molecule_tensors(graph)
