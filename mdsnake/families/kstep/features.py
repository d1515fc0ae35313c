"""What the networks are told of a molecule: its bond graph as tensors.

Nothing here names a molecule or an atom's place in it, so a model runs on molecules it has not seen.
"""

import dataclasses

import numpy as np
import torch
from torch import Tensor

from mdsnake.errors import UserError
from mdsnake.store.graph import MoleculeGraph

ELEMENTS = (1, 3, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 35, 53)
HYBRIDISATIONS = ("S", "SP", "SP2", "SP3", "OTHER")
BOND_ORDERS = (0.0, 1.0, 1.5, 2.0, 3.0)
FARTHEST = 4  # bonds; pairs further apart share one class

#: Number of classes of each categorical feature.
ATOM_CLASSES = (len(ELEMENTS), 5, len(HYBRIDISATIONS), 2, 5, 5)
PAIR_CLASSES = (FARTHEST, len(BOND_ORDERS), 2)


@dataclasses.dataclass(frozen=True)
class MoleculeTensors:
    """Static tensors of a molecule with N atoms and P = N(N−1)/2 pairs.

    atoms : (N, 6) classes of element, formal charge, hybridisation, ring, bonds, bonded hydrogens
    pairs : (2, P) every pair of atoms, i < j
    pair_classes : (P, 3) classes of topological distance, bond order, ring membership
    rest : (P,) distance in the minimised conformer, nm, of bonded and 1–3 pairs; 0 for the others
    bonds, angles, dihedrals : (B, 2), (A, 3), (D, 4) atom indices
    rigid, rigid_lengths : (C, 2) and (C,) nm, the bonds to hydrogen, for engines that hold them rigid
    """

    masses: Tensor
    atoms: Tensor
    pairs: Tensor
    pair_classes: Tensor
    rest: Tensor
    bonds: Tensor
    angles: Tensor
    dihedrals: Tensor
    rigid: Tensor
    rigid_lengths: Tensor

    def permuted(self, order: Tensor) -> "MoleculeTensors":
        """The same molecule with its atoms in another order: new atom a is old atom `order[a]`."""
        place = torch.argsort(order)
        return dataclasses.replace(
            self,
            masses=self.masses[order],
            atoms=self.atoms[order],
            pairs=place[self.pairs],
            bonds=place[self.bonds],
            angles=place[self.angles],
            dihedrals=place[self.dihedrals],
            rigid=place[self.rigid],
        )


def molecule_tensors(graph: MoleculeGraph) -> MoleculeTensors:
    """Tensors of `graph`; an element outside `ELEMENTS` is a `UserError`."""
    unknown = sorted(set(graph.numbers) - set(ELEMENTS))
    if unknown:
        raise UserError(f"{graph.name}: kstep knows no element with atomic number {unknown[0]}; leave the molecule out")
    numbers = np.array(graph.numbers)
    hydrogens = [int(sum(numbers[n] == 1)) for n in graph.neighbours]
    atoms = np.stack(
        [
            [ELEMENTS.index(z) for z in graph.numbers],
            np.clip(np.array(graph.formal_charges) + 2, 0, 4),
            [HYBRIDISATIONS.index(h) if h in HYBRIDISATIONS else len(HYBRIDISATIONS) - 1 for h in graph.hybridisations],
            graph.rings,
            np.clip([len(n) for n in graph.neighbours], 0, 4),
            np.clip(hydrogens, 0, 4),
        ],
        axis=1,
    )
    i, j = np.triu_indices(graph.n_atoms, 1)
    topological = np.clip(graph.topological_distances[i, j], 1, FARTHEST)
    order, ring = np.zeros((2, graph.n_atoms, graph.n_atoms), dtype=int)
    for (a, b), bond_order, in_ring in zip(graph.bonds, graph.bond_orders, graph.bond_rings, strict=True):
        order[a, b] = order[b, a] = BOND_ORDERS.index(bond_order)
        ring[a, b] = ring[b, a] = in_ring
    bonds = np.array(graph.bonds, dtype=int).reshape(-1, 2)
    to_hydrogen = (numbers[bonds] == 1).any(axis=1)
    x = np.array(graph.positions)
    rest = np.where(topological <= 2, np.linalg.norm(x[i] - x[j], axis=-1), 0.0)
    return MoleculeTensors(
        masses=torch.tensor(graph.masses, dtype=torch.float32),
        atoms=torch.tensor(atoms),
        pairs=torch.tensor(np.stack([i, j])),
        pair_classes=torch.tensor(np.stack([topological - 1, order[i, j], ring[i, j]], axis=1)),
        rest=torch.tensor(rest, dtype=torch.float32),
        bonds=torch.tensor(bonds),
        angles=torch.tensor(graph.angles),
        dihedrals=torch.tensor(graph.dihedrals),
        rigid=torch.tensor(bonds[to_hydrogen]),
        rigid_lengths=torch.tensor(graph.bond_lengths[to_hydrogen], dtype=torch.float32),
    )
