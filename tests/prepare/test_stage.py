import csv
from pathlib import Path

import MDAnalysis
import numpy as np
import openmm
import pytest
from openmm import app
from rdkit import Chem

from mdsnake.config import Molecule, PrepareSettings, ScreenSettings, SplitFractions
from mdsnake.errors import UserError
from mdsnake.prepare.forcefields import energy_forces
from mdsnake.prepare.stage import COLUMNS, prepare, screen
from mdsnake.store.graph import MoleculeGraph

FILES = ["graph.json", "molecule.sdf", "system.xml", "topology.pdb"]
GLYCINE = Molecule(name="glycine", smiles="[NH3+]CC(=O)[O-]")


def settings(seed: int = 0, molecule: Molecule = GLYCINE) -> PrepareSettings:
    return PrepareSettings(molecule=molecule, forcefield="mmff94", seed=seed)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("glycine")
    prepare(settings(), out)
    return out


def test_the_four_files_are_written_and_agree(prepared: Path) -> None:
    assert sorted(path.name for path in prepared.iterdir()) == FILES
    graph = MoleculeGraph.load(prepared / "graph.json")
    system = openmm.XmlSerializer.deserialize((prepared / "system.xml").read_text())
    assert system.getNumParticles() == graph.n_atoms == 10
    _, forces = energy_forces(system, np.array(graph.positions))
    assert np.abs(forces).max() < 20  # kJ/mol/nm: at the minimum of RDKit's minimiser
    (mol,) = Chem.SDMolSupplier(str(prepared / "molecule.sdf"), removeHs=False)
    assert [atom.GetAtomicNum() for atom in mol.GetAtoms()] == graph.numbers
    assert [atom.GetFormalCharge() for atom in mol.GetAtoms()] == graph.formal_charges
    np.testing.assert_allclose(mol.GetConformer().GetPositions() / 10, graph.positions, atol=1e-5)


def test_mdanalysis_and_openmm_read_the_pdb(prepared: Path) -> None:
    graph = MoleculeGraph.load(prepared / "graph.json")
    universe = MDAnalysis.Universe(str(prepared / "topology.pdb"))
    np.testing.assert_allclose(universe.atoms.positions / 10, graph.positions, atol=1e-4)
    assert universe.atoms.elements.tolist() == [["", "H", "", "", "", "", "C", "N", "O"][z] for z in graph.numbers]
    assert sorted(sorted(map(int, pair)) for pair in universe.bonds.indices) == graph.bonds
    assert set(universe.residues.resnames) == {"MOL"}
    topology = app.PDBFile(str(prepared / "topology.pdb")).topology
    assert sorted(sorted((a.index, b.index)) for a, b in topology.bonds()) == graph.bonds


def test_the_same_seed_gives_the_same_bytes(prepared: Path, tmp_path: Path) -> None:
    prepare(settings(), tmp_path / "again")
    prepare(settings(seed=1), tmp_path / "other")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (prepared / name).read_bytes()
    assert (tmp_path / "other/graph.json").read_bytes() != (prepared / "graph.json").read_bytes()


def test_a_molecule_that_fails_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^anion: charge: "):
        prepare(settings(molecule=Molecule(name="anion", smiles="[OH-]")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_temporary_is_left_where_the_disk_refuses(prepared: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "system.xml").mkdir(parents=True)  # a rename onto a folder fails
    with pytest.raises(OSError):
        prepare(settings(), out)
    assert sorted(path.name for path in out.iterdir()) == ["system.xml", "topology.pdb"]


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["name\tsmiles\tcharge\tmultiplicity\tsplit\tengines", *rows]) + "\n")
    return path


def screening(forcefield: str = "mmff94") -> ScreenSettings:
    return ScreenSettings(forcefield=forcefield, split=SplitFractions(), engines=["mm", "qm"], seed=0)


def test_screen_goes_on_past_bad_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = table(
        tmp_path / "molecules.tsv",
        "ethanol\tCCO\t\t\ttest\t",
        "broken\tC((\t\t\t\t",
        "acetate\tCC(=O)[O-]\t-1\t\t\tmm",
        "anion\tCC(=O)[O-]\t\t\t\t",
        "borane\tCB(C)C\t\t\t\t",
        "elsewhere\tCC\t\t\t\tdft",
        "methane\tC\t\t\t\t",
    )
    out = tmp_path / "molecules.csv"
    screen(source, screening(), out, processes=2)
    with open(out, newline="") as file:
        rows = {row["molecule"]: row for row in csv.DictReader(file)}
    assert tuple(rows["ethanol"]) == COLUMNS
    assert list(rows) == ["ethanol", "broken", "acetate", "anion", "borane", "elsewhere", "methane"]
    assert [name for name, row in rows.items() if row["status"] == "ok"] == ["ethanol", "acetate", "methane"]
    assert rows["acetate"] == {
        "molecule": "acetate",
        "status": "ok",
        "reason": "",
        "split": "train",
        "engines": "mm",
        "n_atoms": "7",
        "formula": "C2H3O2-",
        "charge": "-1",
        "multiplicity": "1",
        "smiles": "CC(=O)[O-]",
    }
    assert rows["ethanol"]["split"] == "test"
    assert rows["ethanol"]["engines"] == "mm,qm"
    for name, reason in [("broken", "smiles"), ("anion", "charge"), ("borane", "MMFF94"), ("elsewhere", "engines")]:
        assert rows[name]["status"] == "dropped"
        assert reason in rows[name]["reason"]
        assert rows[name]["split"] == rows[name]["n_atoms"] == ""
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["broken", "anion", "borane", "elsewhere"]


def test_screen_fails_where_none_survives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = table(tmp_path / "molecules.tsv", "broken\tC((\t\t\t\t")
    with pytest.raises(UserError, match=r"molecules.tsv: no molecule can be prepared; broken: smiles"):
        screen(source, screening(), tmp_path / "molecules.csv", processes=1)
    assert not (tmp_path / "molecules.csv").exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_screen_stops_at_a_fault_that_is_not_the_molecules(tmp_path: Path) -> None:
    source = table(tmp_path / "molecules.tsv", "ethanol\tCCO\t\t\t\t", "methane\tC\t\t\t\t")
    with pytest.raises(UserError, match="forcefield: no 'gaff'"):
        screen(source, screening("gaff"), tmp_path / "molecules.csv", processes=1)
