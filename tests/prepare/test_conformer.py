import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers

from mdsnake.config import Molecule
from mdsnake.errors import UserError
from mdsnake.prepare.conformer import conformer, multiplicity
from mdsnake.prepare.dropped import Dropped


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"smiles": "CC(("}, "not valid"),
        ({"smiles": "C(C)(C)(C)(C)C"}, "valence"),
        ({"smiles": "c1cccc1"}, "kekulize"),
        ({"smiles": "CC.O"}, "2 molecules"),
        ({"smiles": "[Ar]"}, "single atom"),
        ({"smiles": "C*"}, "placeholder"),
        ({"smiles": "CC(=O)[O-]"}, "charge: .*-1.*write -1"),
        ({"smiles": "CC(=O)[O-]", "charge": 1}, "charge: .*-1.*1; make them agree"),
        ({"smiles": "CCO", "charge": -1}, "charge: .*make them agree"),
        ({"smiles": "[CH3]"}, "multiplicity: 9 electrons"),
        ({"smiles": "[CH2]"}, "multiplicity: 8 electrons, 2 of them unpaired"),
        ({"smiles": "[CH3]", "multiplicity": 1}, "multiplicity: 1 cannot be had with 9 electrons"),
        ({"smiles": "CCO", "multiplicity": 2}, "multiplicity: 2 cannot"),
        ({"smiles": "[HH]", "multiplicity": 5}, "multiplicity: 5 cannot"),
        ({"smiles": "C1CC#C1"}, "no conformer"),
        ({"smiles": "[H][He+]", "charge": 1}, "neither MMFF94 nor UFF"),
    ],
)
def test_a_bad_row_is_dropped_with_its_reason(row: dict, reason: str) -> None:
    with pytest.raises(Dropped, match=f"(?i){reason}") as caught:
        conformer(Molecule(name="bad", **row), seed=0)
    assert isinstance(caught.value, UserError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"smiles": "CCO"}, 1),
        ({"smiles": "CC(=O)[O-]", "charge": -1}, 1),
        ({"smiles": "[NH3+]CC(=O)[O-]"}, 1),
        ({"smiles": "[CH3]", "multiplicity": 2}, 2),
        ({"smiles": "[O][O]", "multiplicity": 3}, 3),
        ({"smiles": "[H][H]"}, 1),
    ],
)
def test_stated_charge_and_multiplicity_are_taken(row: dict, expected: int) -> None:
    mol = conformer(Molecule(name="good", **row), seed=0)
    assert multiplicity(mol, row.get("multiplicity")) == expected
    assert mol.GetNumConformers() == 1


def test_the_seed_and_the_name_decide_the_conformer() -> None:
    def place(name: str, seed: int) -> np.ndarray:
        return conformer(Molecule(name=name, smiles="CCCCCO"), seed).GetConformer().GetPositions()

    np.testing.assert_array_equal(place("a", 0), place("a", 0))
    assert np.abs(place("a", 0) - place("a", 1)).max() > 0.01
    assert np.abs(place("a", 0) - place("b", 0)).max() > 0.01


def test_the_conformer_is_a_minimum_of_mmff94() -> None:
    mol = conformer(Molecule(name="alanine", smiles="CC(=O)NC(C)C(=O)NC"), seed=0)
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol)
    gradient = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties).CalcGrad()
    assert np.abs(gradient).max() < 0.05  # kcal/mol/Å


def test_uff_minimises_what_mmff94_cannot_type() -> None:
    mol = conformer(Molecule(name="borane", smiles="CB(C)C"), seed=0)
    assert not rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol)
    assert np.abs(rdForceFieldHelpers.UFFGetMoleculeForceField(mol).CalcGrad()).max() < 0.05


def test_stereochemistry_is_kept() -> None:
    mol = conformer(Molecule(name="alanine", smiles="C[C@H](N)C(=O)O"), seed=0)
    Chem.AssignStereochemistryFrom3D(mol)
    assert Chem.MolToSmiles(Chem.RemoveHs(mol)) == Chem.CanonSmiles("C[C@H](N)C(=O)O")
