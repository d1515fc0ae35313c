"""Small molecules prepared by hand: their graphs, force fields and files."""

from pathlib import Path

import numpy as np
import openmm
from ase.build import molecule
from ase.data import covalent_radii

from mdsnake.store.graph import MoleculeGraph


def toy_graph(formula: str) -> MoleculeGraph:
    """The graph of a molecule of ASE's G2 set, all bonds single."""
    atoms = molecule(formula)
    radii = covalent_radii[atoms.numbers]
    distances = atoms.get_all_distances()
    near = (distances < 1.2 * (radii[:, None] + radii)) & ~np.tri(len(atoms), dtype=bool)
    bonds = np.argwhere(near).tolist()
    n = len(atoms)
    return MoleculeGraph(
        name=formula.lower(), smiles=formula, charge=0, multiplicity=1, forcefield="toy",
        numbers=atoms.numbers.tolist(), masses=atoms.get_masses().tolist(), formal_charges=[0] * n,
        hybridisations=["SP3"] * n, rings=[0] * n, bonds=bonds, bond_orders=[1.0] * len(bonds),
        bond_rings=[0] * len(bonds), positions=(atoms.positions * 0.1).tolist(),
    )  # fmt: skip


def toy_system(graph: MoleculeGraph) -> openmm.System:
    """Harmonic bonds and angles at rest in the graph's conformer, and a threefold torsion about every bond."""
    x = np.array(graph.positions)
    system = openmm.System()
    for mass in graph.masses:
        system.addParticle(mass)
    bonds, angles, torsions = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce(), openmm.PeriodicTorsionForce()
    for (i, j), length in zip(graph.bonds, graph.bond_lengths, strict=True):
        bonds.addBond(i, j, float(length), 250_000.0)
    for i, j, k in graph.angles.tolist():
        a, b = x[i] - x[j], x[k] - x[j]
        angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        angles.addAngle(i, j, k, float(angle), 400.0)
    for i, j, k, m in graph.dihedrals.tolist():
        torsions.addTorsion(i, j, k, m, 3, 0.0, 0.6)
    for force in (bonds, angles, torsions, openmm.CMMotionRemover()):
        system.addForce(force)
    return system


def write_prepared(folder: Path, formula: str) -> Path:
    """The files of a prepared molecule."""
    graph = toy_graph(formula)
    folder.mkdir(parents=True)
    graph.save(folder / "graph.json")
    (folder / "system.xml").write_text(openmm.XmlSerializer.serialize(toy_system(graph)))
    symbols = molecule(formula).get_chemical_symbols()
    lines = []
    for i, (symbol, xyz) in enumerate(zip(symbols, graph.positions, strict=True), start=1):
        place = "".join(f"{10 * value:8.3f}" for value in xyz)
        lines.append(f"HETATM{i:5d} {symbol:>2s}{i:<2d} MOL A   1    {place}  1.00  0.00          {symbol:>2s}")
    (folder / "topology.pdb").write_text("\n".join([*lines, "END"]) + "\n")
    return folder
