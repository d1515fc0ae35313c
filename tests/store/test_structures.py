from pathlib import Path

import gemmi
import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.nn.rigid import with_oxygen
from mdsnake.store.structures import write_mmcif, write_pdb
from tests.families.backbone.toys import chain

COORDS = with_oxygen(chain(7)).numpy().astype(np.float32)
MOTIF = np.arange(7) == 3


def read(path: Path) -> list[np.ndarray]:
    structure = gemmi.read_structure(str(path))
    models = []
    for model in structure:
        (held,) = model
        assert held.name == "A"
        assert [str(residue.seqid) for residue in held] == [str(n) for n in range(1, 8)]
        for residue in held:
            assert residue.name == "GLY"
            assert [(atom.name, atom.element.name) for atom in residue] == [(n, n[0]) for n in ("N", "CA", "C", "O")]
        models.append(np.array([[atom.pos.tolist() for atom in residue] for residue in held]))
    return models


def test_a_pdb_file_holds_the_structure(tmp_path: Path) -> None:
    write_pdb(tmp_path / "a.pdb", [COORDS], MOTIF)
    (found,) = read(tmp_path / "a.pdb")
    np.testing.assert_allclose(found, COORDS, atol=6e-4)
    text = (tmp_path / "a.pdb").read_text()
    assert "PLACEHOLDER" in text
    assert "PICTURES" not in text
    atoms = [line for line in text.split("\n") if line.startswith("ATOM")]
    assert [line[76:78].strip() for line in atoms[:4]] == ["N", "C", "C", "O"]
    assert {line[60:66].strip() for line in atoms if int(line[22:26]) == 4} == {"100.00"}
    assert max(map(len, text.split("\n"))) <= 80


def test_an_mmcif_file_holds_the_structure(tmp_path: Path) -> None:
    write_mmcif(tmp_path / "a.cif", COORDS, MOTIF)
    (found,) = read(tmp_path / "a.cif")
    np.testing.assert_allclose(found, COORDS, atol=6e-4)
    assert "PLACEHOLDER" in (tmp_path / "a.cif").read_text()


def test_a_denoising_is_a_model_for_each_picture(tmp_path: Path) -> None:
    write_pdb(tmp_path / "a.pdb", [COORDS + 5, COORDS], MOTIF)
    found = read(tmp_path / "a.pdb")
    assert len(found) == 2
    np.testing.assert_allclose(found[1], COORDS, atol=6e-4)
    assert "FROM NOISE TO THE STRUCTURE" in (tmp_path / "a.pdb").read_text()


@pytest.mark.parametrize("shift", [-1000, 10000, np.nan])
def test_what_a_pdb_file_has_no_room_for_is_refused(shift: float, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.pdb: coordinates from .* Å, and a PDB file has room for -999 to 9999"):
        write_pdb(tmp_path / "a.pdb", [COORDS, COORDS + shift], MOTIF)
    assert list(tmp_path.iterdir()) == []
