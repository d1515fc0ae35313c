"""`mdsnake screen` and `mdsnake prepare`."""

import csv
import sys
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import NamedTuple

import openmm
from openmm import app
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from mdsnake.config import Molecule, PrepareSettings, ScreenSettings, assign_splits, read_table
from mdsnake.errors import UserError
from mdsnake.inputs import short
from mdsnake.prepare.conformer import conformer
from mdsnake.prepare.dropped import Dropped
from mdsnake.prepare.forcefields import build_system
from mdsnake.prepare.graph import molecule_graph, openmm_topology
from mdsnake.prepare.pool import outcomes
from mdsnake.store.atomic import replacing, write_text
from mdsnake.store.graph import MoleculeGraph

COLUMNS = ("molecule", "status", "reason", "split", "engines", "n_atoms", "formula", "charge", "multiplicity", "smiles")


class Prepared(NamedTuple):
    """A molecule ready to simulate; `mol` holds the minimised conformer."""

    mol: Chem.Mol
    graph: MoleculeGraph
    system: openmm.System


def build(settings: PrepareSettings) -> Prepared:
    """Conformer, graph and system of one row; `Dropped` with its reason where one of them cannot be had."""
    row = settings.molecule
    mol = conformer(row, settings.seed)
    return Prepared(mol, molecule_graph(mol, row, settings.forcefield), build_system(settings.forcefield, mol))


def prepare(settings: PrepareSettings, out: Path) -> None:
    """Write topology.pdb, system.xml, molecule.sdf and graph.json of one molecule into `out`."""
    try:
        mol, graph, system = build(settings)
    except Dropped as error:
        raise Dropped(f"{settings.molecule.name}: {short(str(error), 300)}") from error
    out = Path(out)
    with replacing(out / "topology.pdb") as temporary, open(temporary, "w") as file:
        topology = openmm_topology(mol)
        # Not writeFile, whose header holds the date: the same seed gives the same bytes.
        app.PDBFile.writeModel(topology, graph.positions * openmm.unit.nanometer, file)
        app.PDBFile.writeFooter(topology, file)
    write_text(out / "system.xml", openmm.XmlSerializer.serialize(system))
    write_text(out / "molecule.sdf", Chem.MolToMolBlock(mol) + "$$$$\n")
    graph.save(out / "graph.json")


def screen(table: Path, settings: ScreenSettings, out: Path, processes: int = 1) -> None:
    """Try every row of `table` and write what became of it, with its split, to the CSV `out`.

    A row that fails is reported on stderr and the others go on; `UserError` where none survives, or where
    the fault is not the molecule's (an unknown force field, a library that is missing).
    """
    rows: list[Molecule] = read_table(table)
    found = outcomes(partial(_try, settings=settings), rows, processes)
    kept = [row for row, outcome in zip(rows, found, strict=True) if isinstance(outcome, dict)]
    splits = assign_splits(kept, settings.split, settings.seed)
    records = []
    for row, outcome in zip(rows, found, strict=True):
        if isinstance(outcome, UserError) and not isinstance(outcome, Dropped):
            raise outcome
        record: dict[str, object] = {
            "molecule": row.name,
            "engines": ",".join(row.engines or settings.engines),
            "charge": row.charge,
            "multiplicity": row.multiplicity,
            "smiles": row.smiles,
        }
        if isinstance(outcome, dict):
            record |= {"status": "ok", "split": splits[row.name], **outcome}
        else:
            record |= {"status": "dropped", "reason": _reason(outcome)}
            print(f"{table}: {row.name}: dropped: {record['reason']}", file=sys.stderr)
        records.append(record)
    if not kept:
        raise UserError(f"{table}: no molecule can be prepared; {rows[0].name}: {records[0]['reason']}")
    with replacing(out) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)


def _try(row: Molecule, settings: ScreenSettings) -> dict[str, object]:
    unknown = set(row.engines or []) - set(settings.engines)
    if unknown:
        raise Dropped(f"engines: no {', '.join(sorted(unknown))} in the configuration")
    mol, graph, _ = build(PrepareSettings(molecule=row, forcefield=settings.forcefield, seed=settings.seed))
    return {
        "n_atoms": graph.n_atoms,
        "formula": rdMolDescriptors.CalcMolFormula(mol),
        "charge": graph.charge,
        "multiplicity": graph.multiplicity,
    }


def _reason(error: Exception) -> str:
    if isinstance(error, BrokenProcessPool):
        return "its process died: too little memory, or a library crashed"
    return short(str(error) if isinstance(error, Dropped) else f"{type(error).__name__}: {error}", 300)
