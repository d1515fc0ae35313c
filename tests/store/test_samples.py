from pathlib import Path

import h5py
import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.store.samples import Samples


def samples() -> Samples:
    rng = np.random.default_rng(0)
    pictures = rng.standard_normal((3, 9, 4, 3)).astype(np.float32)
    motif = np.arange(9) == 2
    return Samples(np.array([0, 4, 9]), pictures[-1], pictures, motif, np.array([1.0, 2.5]), {"seed": 3})


def test_samples_come_back_as_they_were(tmp_path: Path) -> None:
    samples().save(tmp_path / "samples.h5")
    found = Samples.load(tmp_path / "samples.h5")
    np.testing.assert_array_equal(found.trajectory_angstrom, samples().trajectory_angstrom)
    assert found.provenance == {"seed": 3}
    assert {name: len(coords) for name, coords in found.chains.items()} == {"sample0000": 4, "sample0001": 5}
    assert found.seconds == {4: (1.0, 1), 5: (2.5, 1)}
    with h5py.File(tmp_path / "samples.h5") as file:
        assert file["coords_angstrom"].attrs["unit"] == "Angstrom"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ptr", np.array([0, 4, 8]), "ptr: does not part 9 residues into samples"),
        ("ptr", np.array([0, 9, 9]), "ptr: does not part"),
        ("motif", np.zeros(8, dtype=bool), r"motif: shape \(8,\), expected \(9,\)"),
        ("coords_angstrom", np.zeros((9, 3, 3)), r"coords_angstrom: shape"),
        ("wall_seconds", None, "damaged, or no samples"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, value: np.ndarray | None, message: str) -> None:
    path = tmp_path / "samples.h5"
    samples().save(path)
    with h5py.File(path, "a") as file:
        del file[name]
        if value is not None:
            file[name] = value
    with pytest.raises(UserError, match=message):
        Samples.load(path)


def test_a_file_that_is_absent_or_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "samples.h5"
    with pytest.raises(UserError, match="no such file; run `mdsnake rollout` first"):
        Samples.load(path)
    samples().save(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(UserError, match="damaged, or no samples"):
        Samples.load(path)
