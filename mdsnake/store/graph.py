"""`graph.json`: a molecule's atoms and bonds, and what follows from them."""

import dataclasses
import json
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from pydantic import ConfigDict, Field

from mdsnake.errors import UserError
from mdsnake.inputs import parse_json, read_text
from mdsnake.store.atomic import write_text

Index = Annotated[int, Field(ge=0)]
Flag = Annotated[int, Field(ge=0, le=1)]
BOND_ORDERS = (1.0, 1.5, 2.0, 3.0)


@dataclasses.dataclass(frozen=True)
class MoleculeGraph:
    """A molecular graph with N atoms and B bonds; atom order is that of every trajectory.

    Attributes
    ----------
    numbers : atomic number of each atom, (N,)
    formal_charges, hybridisations, rings : per atom; hybridisation is RDKit's name (`SP3`), ring is 0 or 1
    bonds : atom pairs (B, 2), i < j
    bond_orders : 1, 1.5, 2 or 3, (B,)
    bond_rings : whether a bond is in a ring, (B,)
    masses : Da, (N,)
    positions : the minimised conformer in nm, (N, 3)
    """

    __pydantic_config__: ClassVar = ConfigDict(allow_inf_nan=False)

    name: str
    smiles: str
    charge: int
    multiplicity: int
    forcefield: str
    numbers: Annotated[list[Annotated[int, Field(ge=1, le=118)]], Field(min_length=1)]
    masses: list[Annotated[float, Field(gt=0)]]
    formal_charges: list[int]
    hybridisations: list[str]
    rings: list[Flag]
    bonds: list[Annotated[list[Index], Field(min_length=2, max_length=2)]]
    bond_orders: list[float]
    bond_rings: list[Flag]
    positions: list[Annotated[list[float], Field(min_length=3, max_length=3)]]

    @property
    def n_atoms(self) -> int:
        return len(self.numbers)

    @cached_property
    def topological_distances(self) -> np.ndarray:
        """Bonds on the shortest path between two atoms, (N, N); 99 between fragments."""
        distances = np.full((self.n_atoms, self.n_atoms), 99)
        np.fill_diagonal(distances, 0)
        for i, j in self.bonds:
            distances[i, j] = distances[j, i] = 1
        for via in range(self.n_atoms):
            distances = np.minimum(distances, distances[:, via, None] + distances[None, via, :])
        return np.minimum(distances, 99)

    @cached_property
    def neighbours(self) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in self.numbers]
        for i, j in self.bonds:
            found[i].append(j)
            found[j].append(i)
        return [sorted(n) for n in found]

    @cached_property
    def angles(self) -> np.ndarray:
        """Bonded triples i–j–k, i < k, (A, 3)."""
        triples = [(i, j, k) for j, around in enumerate(self.neighbours) for i in around for k in around if i < k]
        return np.array(triples, dtype=int).reshape(-1, 3)

    @cached_property
    def dihedrals(self) -> np.ndarray:
        """Bonded quadruples i–j–k–l with j < k, (D, 4)."""
        quadruples = [
            (i, j, k, m)
            for j, k in (sorted(bond) for bond in self.bonds)
            for i in self.neighbours[j]
            for m in self.neighbours[k]
            if len({i, j, k, m}) == 4
        ]
        return np.array(quadruples, dtype=int).reshape(-1, 4)

    @cached_property
    def torsions(self) -> np.ndarray:
        """One dihedral for each rotatable single bond outside rings, (T, 4): the heaviest ends, lowest index first."""
        chosen = []
        for (j, k), order, ring in zip(self.bonds, self.bond_orders, self.bond_rings, strict=True):
            ends = [[a for a in self.neighbours[j] if a != k], [a for a in self.neighbours[k] if a != j]]
            if order == 1 and not ring and all(ends):
                i, m = (max(end, key=lambda a: (self.numbers[a], -a)) for end in ends)
                chosen.append((i, j, k, m))
        return np.array(chosen, dtype=int).reshape(-1, 4)

    @property
    def bond_lengths(self) -> np.ndarray:
        """Equilibrium lengths in nm, taken from the minimised conformer, (B,)."""
        x, bonds = np.array(self.positions), np.array(self.bonds, dtype=int).reshape(-1, 2)
        return np.linalg.norm(x[bonds[:, 0]] - x[bonds[:, 1]], axis=-1)

    def save(self, path: str | Path) -> None:
        fields = dataclasses.asdict(self) | {"topological_distances": self.topological_distances.tolist()}
        write_text(path, json.dumps(fields, indent=1) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "MoleculeGraph":
        cure = "delete it and prepare the molecule again"
        graph = parse_json(cls, read_text(path, "no such file; run `mdsnake prepare` first"), str(path), cure)
        of_atoms = {len(getattr(graph, name)) for name in ("masses", "formal_charges", "hybridisations", "rings")}
        of_bonds = {len(graph.bonds), len(graph.bond_orders), len(graph.bond_rings)}
        if of_atoms | {len(graph.positions)} != {graph.n_atoms} or len(of_bonds) != 1:
            raise UserError(f"{path}: its lists of atoms or of bonds differ in length; {cure}")
        if not all(i < j < graph.n_atoms for i, j in graph.bonds):
            raise UserError(f"{path}: bonds: not all join two of its {graph.n_atoms} atoms, lower index first; {cure}")
        if not set(graph.bond_orders) <= set(BOND_ORDERS):
            raise UserError(f"{path}: bond_orders: not all are one of {', '.join(map(str, BOND_ORDERS))}; {cure}")
        return graph
