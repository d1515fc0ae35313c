"""Structures of a network that has learned nothing: files, seeds, resumption, motifs, and what is refused."""

from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest

from mdsnake.errors import OutOfTime, UserError
from mdsnake.families.backbone.config import Motif, RolloutSettings, Sample
from mdsnake.rollout.proteins import rollout_proteins, together
from mdsnake.store.backbones import Backbone
from mdsnake.store.budget import Budget
from mdsnake.store.samples import Samples
from tests.families.backbone.case import save
from tests.families.backbone.toys import network, save_backbone, toy_model

MOTIF = Motif(protein="toy", segments="12-14,18-19", at=[3, 8])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save(path, toy_model("frames"))
    return path


def settings(seed: int = 0, **changes: Any) -> RolloutSettings:
    told = Sample.model_validate({"lengths": [10, 12], "count": 2, "steps": 5} | changes)
    return RolloutSettings(member="toy", network=network("frames"), sample=told, seed=seed)


def run(model: Path, folder: Path, told: RolloutSettings, **options: Any) -> Samples:
    out = folder / "samples.h5"
    rollout_proteins(told, model, out, folder / "structures", folder / "work", device="cpu", **options)
    return Samples.load(out)


def test_every_sample_has_its_files(model: Path, tmp_path: Path) -> None:
    (tmp_path / "structures").mkdir()
    own = {"sample_notes.pdb", "sample0001.pdb.bak", "sample.cif"}
    for name in (*own, "sample0099.pdb", "sample12345_denoising.pdb"):
        (tmp_path / "structures" / name).write_text("")
    made = run(model, tmp_path, settings())
    assert np.diff(made.ptr).tolist() == [10, 10, 12, 12]
    assert not made.motif.any()
    assert set(made.seconds) == {10, 12}
    assert made.provenance["settings"]["sample"]["count"] == 2
    expected = {f"sample{n:04d}{end}" for n in range(4) for end in (".pdb", ".cif", "_denoising.pdb")}
    assert {path.name for path in (tmp_path / "structures").iterdir()} == expected | own
    structure = gemmi.read_structure(str(tmp_path / "structures" / "sample0003.pdb"))
    found = np.array([[atom.pos.tolist() for atom in residue] for residue in structure[0][0]])
    np.testing.assert_allclose(found, made.chains["sample0003"], atol=1e-3)
    assert len(gemmi.read_structure(str(tmp_path / "structures" / "sample0003_denoising.pdb"))) == 6


def test_the_seed_decides(model: Path, tmp_path: Path) -> None:
    first, again, other = (run(model, tmp_path / str(n), settings(seed)) for n, seed in enumerate((0, 0, 1)))
    np.testing.assert_array_equal(first.coords_angstrom, again.coords_angstrom)
    assert not np.allclose(first.coords_angstrom, other.coords_angstrom, atol=0.1)


def test_samples_of_all_pieces_are_different(model: Path, tmp_path: Path) -> None:
    made = run(model, tmp_path, settings(lengths=[6], count=9, steps=2))
    assert len(list((tmp_path / "structures").glob("*.cif"))) == 9 > together(6)
    assert len(np.unique(made.coords_angstrom.reshape(9, -1).round(2), axis=0)) == 9


def test_long_samples_are_drawn_one_by_one() -> None:
    assert [together(length) for length in (3, 128, 129, 256, 1024)] == [8, 8, 7, 2, 1]


def test_a_file_is_no_folder_for_structures(model: Path, tmp_path: Path) -> None:
    (tmp_path / "structures").write_text("mine")
    with pytest.raises(UserError, match=r"structures: a file stands where the folder"):
        run(model, tmp_path, settings())
    assert [path.name for path in tmp_path.iterdir()] == ["structures"]


def test_lengths_can_be_those_of_the_training(model: Path, tmp_path: Path) -> None:
    made = run(model, tmp_path, settings(lengths="training", count=1))
    assert np.diff(made.ptr).tolist() == [6, 12]


def test_a_rollout_that_was_broken_off_goes_on(model: Path, tmp_path: Path) -> None:
    whole = run(model, tmp_path / "whole", settings())
    with pytest.raises(OutOfTime, match="run it again to go on"):
        run(model, tmp_path / "broken", settings(), budget=Budget(1e-9))
    assert list((tmp_path / "broken" / "work").glob("piece*.npz"))
    assert not (tmp_path / "broken" / "samples.h5").exists()
    np.testing.assert_array_equal(run(model, tmp_path / "broken", settings()).coords_angstrom, whole.coords_angstrom)


def test_a_motif_is_in_every_sample(model: Path, tmp_path: Path) -> None:
    path = save_backbone(tmp_path, 12)
    given = Backbone.load(path).coords_angstrom[[1, 2, 3, 7, 8]]
    made = run(model, tmp_path, settings(motif=MOTIF), motif=path)
    for number, coords in enumerate(made.chains.values()):
        np.testing.assert_allclose(coords[[2, 3, 4, 7, 8], :3], given[:, :3], atol=1e-5)
        # The O of a segment's last residue lies by the N of the next, which is drawn.
        np.testing.assert_allclose(coords[[2, 3, 7], 3], given[[0, 1, 3], 3], atol=1e-5)
        assert np.flatnonzero(made.motif[made.rows(number)]).tolist() == [2, 3, 4, 7, 8]


@pytest.mark.parametrize(
    ("motif", "message"),
    [
        ({"segments": "20-24"}, r"20-24: 3 of these residues are in toy, which has 11 to 22; name others"),
        ({"at": [9]}, r"sample\.motif\.at: its last residue would be number 11 of a sample of 6; lower at or raise"),
        ({"protein": "other"}, r"backbone\.npz: sample\.motif\.protein: it holds toy, not other; give that one"),
    ],
)
def test_a_motif_that_cannot_be_is_one_clear_line(
    model: Path, tmp_path: Path, motif: dict[str, Any], message: str
) -> None:
    told = Motif.model_validate({"protein": "toy", "segments": "12-14", "at": [3]} | motif)
    with pytest.raises(UserError, match=message):
        run(model, tmp_path, settings(lengths="training", motif=told), motif=save_backbone(tmp_path, 12))
    assert [path.name for path in tmp_path.iterdir()] == ["toy"], "before any work"


def test_motif_and_settings_belong_together(model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"sample\.motif: the prepared protein toy is not there; give --motif"):
        run(model, tmp_path, settings(motif=MOTIF))
    path = save_backbone(tmp_path, 12)
    with pytest.raises(UserError, match=r"backbone\.npz: no motif is asked for"):
        run(model, tmp_path, settings(), motif=path)
