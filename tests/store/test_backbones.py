import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.store.backbones import Backbone


def chain(length: int = 3) -> Backbone:
    coords = np.random.default_rng(0).standard_normal((length, 4, 3)).astype(np.float32)
    return Backbone("a", "B", "GAX"[:length], coords, np.arange(-1, length - 1), "1abc")


def test_a_backbone_comes_back_as_it_was(tmp_path: Path) -> None:
    told = chain()
    told.save(tmp_path / "backbone.npz")
    back = Backbone.load(tmp_path / "backbone.npz")
    np.testing.assert_array_equal(back.coords_angstrom, told.coords_angstrom)
    np.testing.assert_array_equal(back.residues, [-1, 0, 1])
    assert (back.name, back.chain, back.sequence, back.source) == ("a", "B", "GAX", "1abc")
    assert (back.length, back.dropped) == (3, None)
    told.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "backbone.npz").read_bytes()


def test_a_dropped_one_tells_why(tmp_path: Path) -> None:
    told = dataclasses.replace(chain(0), sequence="", dropped="too short: 3 residues")
    told.save(tmp_path / "backbone.npz")
    back = Backbone.load(tmp_path / "backbone.npz")
    assert (back.length, back.dropped) == (0, "too short: 3 residues")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"coords_angstrom": np.zeros((2, 4, 3))}, "coords_angstrom: not four atoms for each of its 3 residues"),
        ({"coords_angstrom": np.full((3, 4, 3), np.nan)}, "coords_angstrom"),
        ({"residues": np.zeros(3)}, "residues: not a number for each"),
        ({"name": 7}, "not all are text"),
        ({"dropped": "too short"}, "dropped: a protein has either"),
        ({"sequence": "", "coords_angstrom": np.zeros((0, 4, 3)), "residues": np.zeros(0, int)}, "dropped: "),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, changes: dict, words: str) -> None:
    dataclasses.replace(chain(), **changes).save(tmp_path / "backbone.npz")
    with pytest.raises(UserError, match=words) as error:
        Backbone.load(tmp_path / "backbone.npz")
    assert str(error.value).startswith(f"{tmp_path}/backbone.npz: ")


def test_no_pickle_is_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "backbone.npz", **dataclasses.asdict(chain()) | {"name": np.array([print], dtype=object)})
    with pytest.raises(UserError, match="not the backbone of a protein; delete it and prepare the protein again"):
        Backbone.load(tmp_path / "backbone.npz")
