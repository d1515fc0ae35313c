"""Preparing proteins; the structure that is altered is that of bovine trypsin inhibitor, 5PTI."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import gemmi
import numpy as np
import pytest

from mdsnake.config import read_table
from mdsnake.errors import UserError
from mdsnake.families.backbone.config import Download, PrepareSettings, Protein, Residues
from mdsnake.prepare.proteins import prepare_protein
from mdsnake.store.backbones import Backbone
from tests.prepare.test_downloads import CONTENT, Server, server, whole

__all__ = ["server"]

DATA = Path(find_spec("MDAnalysisTests").origin).parent / "data"
SOURCE = "MDAnalysisTests:mmcif/5PTI.cif.gz"
SEQUENCE = "RPDFCLEPPYTGPCKARIIRYFYNAKAGLCQTFVYGGCRAKRNNFKSAEDCMRTCGGA"


def prepared(folder: Path, source: str = SOURCE, shortest: int = 40, **row: str) -> Backbone:
    settings = PrepareSettings(
        protein=Protein(name="pti", source=source, **row), residues=Residues(min=shortest), download=Download()
    )
    prepare_protein(settings, folder / "pti")
    assert [path.name for path in (folder / "pti").iterdir()] == ["backbone.npz"]
    return Backbone.load(folder / "pti/backbone.npz")


def altered(folder: Path, change: Callable[[gemmi.Structure, gemmi.Chain], object], name: str = "a.pdb") -> str:
    """Where the structure lies after `change`."""
    structure = gemmi.read_structure(str(DATA / "mmcif/5PTI.cif.gz"))
    structure.setup_entities()
    change(structure, structure[0]["A"])
    path = folder / name
    if name.endswith(".pdb"):
        structure.write_pdb(str(path))
    else:
        structure.make_mmcif_document().write_file(str(path))
    return str(path)


def remove(chain: gemmi.Chain, residue: int, atoms: tuple[str, ...] = ()) -> None:
    """All of a residue, or some of its atoms."""
    for place, found in reversed(list(enumerate(chain))):
        if found.seqid.num == residue and not atoms:
            del chain[place]
        elif found.seqid.num == residue:
            for i, atom in reversed(list(enumerate(found))):
                if atom.name in atoms:
                    del found[i]


def test_a_chain_is_read_with_its_geometry(tmp_path: Path) -> None:
    chain = prepared(tmp_path)
    assert (chain.name, chain.chain, chain.source, chain.dropped) == ("pti", "A", SOURCE, None)
    assert chain.sequence == SEQUENCE
    assert chain.residues.tolist() == list(range(1, 59))
    n, ca, c, o = np.moveaxis(chain.coords_angstrom.astype(float), 1, 0)
    for bond, length in [(n - ca, 1.46), (ca - c, 1.525), (c - o, 1.23), (n[1:] - c[:-1], 1.33)]:
        np.testing.assert_allclose(np.linalg.norm(bond, axis=-1), length, atol=0.08)


@pytest.mark.parametrize("name", ["a.pdb", "a.cif"])
def test_formats_agree(tmp_path: Path, name: str) -> None:
    local = prepared(tmp_path, altered(tmp_path, lambda structure, chain: None, name))
    np.testing.assert_allclose(local.coords_angstrom, prepared(tmp_path).coords_angstrom, atol=1e-3)
    assert local.sequence == SEQUENCE


def test_a_chopping_takes_its_parts(tmp_path: Path) -> None:
    whole, part = prepared(tmp_path), prepared(tmp_path, chopping="2-30,31-45")
    assert part.residues.tolist() == list(range(2, 46))
    np.testing.assert_array_equal(part.coords_angstrom, whole.coords_angstrom[1:45])


def test_negative_numbers_and_insertion_codes_are_numbers_of_residues(tmp_path: Path) -> None:
    def renumber(structure: gemmi.Structure, chain: gemmi.Chain) -> None:
        for residue in chain.get_polymer():
            residue.seqid.num -= 4
        chain.get_polymer()[20].seqid = gemmi.SeqId(16, "A")

    source = altered(tmp_path, renumber)
    assert prepared(tmp_path, source, chopping="-2-50").residues.tolist() == [*range(-2, 17), 16, *range(18, 51)]
    assert prepared(tmp_path, source, shortest=10, chopping="-3-16").sequence == SEQUENCE[:20]


def test_the_likeliest_location_counts(tmp_path: Path) -> None:
    def double(structure: gemmi.Structure, chain: gemmi.Chain) -> None:
        residue = chain.get_polymer()[9]
        for atom in list(residue):
            atom.altloc, atom.occ = "A", 0.4
            other = atom.clone()
            other.altloc, other.occ = "B", 0.6
            other.pos += gemmi.Position(0.1, 0, 0)
            residue.add_atom(other)

    shift = prepared(tmp_path, altered(tmp_path, double)).coords_angstrom - prepared(tmp_path).coords_angstrom
    np.testing.assert_allclose(shift[9], [[0.1, 0, 0]] * 4, atol=1e-3)
    np.testing.assert_allclose(np.delete(shift, 9, axis=0), 0, atol=1e-3)


def test_of_two_residues_at_one_place_the_likelier_counts(tmp_path: Path) -> None:
    def mix(structure: gemmi.Structure, chain: gemmi.Chain) -> None:
        one = chain[9]
        other = one.clone()
        other.name = "TRP"
        for residue, altloc, occupancy in ((one, "A", 0.3), (other, "B", 0.7)):
            for atom in residue:
                atom.altloc, atom.occ = altloc, occupancy
        chain.add_residue(other, 10)

    chain = prepared(tmp_path, altered(tmp_path, mix))
    assert chain.sequence == f"{SEQUENCE[:9]}W{SEQUENCE[10:]}"


def test_selenomethionine_is_methionine_and_ligands_are_none(tmp_path: Path) -> None:
    def selenium(structure: gemmi.Structure, chain: gemmi.Chain) -> None:
        residue = chain.get_polymer()[51]
        residue.name, residue.het_flag = "MSE", "H"
        for atom in residue:
            if atom.name == "SD":
                atom.name, atom.element = "SE", gemmi.Element("Se")
        assert {"PO4", "DOD"} & {residue.name for residue in chain}

    assert prepared(tmp_path, altered(tmp_path, selenium)).sequence == SEQUENCE


def test_names_of_simulations_are_residues(tmp_path: Path) -> None:
    chain = prepared(tmp_path, "MDAnalysisTests:adk_closed.pdb")
    assert (chain.dropped, chain.length) == (None, 213)  # the last lacks its O
    assert chain.sequence[125] == "X"
    assert prepared(tmp_path, "MDAnalysisTests:cobrotoxin.pdb").length == 61  # beside some thousand water molecules


def test_the_first_model_counts(tmp_path: Path) -> None:
    source = DATA / "nmr_neopetrosiamide.pdb"
    models = gemmi.read_structure(str(source))
    assert len(models) == 24
    chain = prepared(tmp_path, str(source), shortest=20)
    assert chain.coords_angstrom[3, 1].tolist() == pytest.approx(models[0]["A"][3]["CA"][0].pos.tolist())


def pile(chain: gemmi.Chain, number: int) -> None:
    """All atoms of a residue at one place."""
    for residue in chain:
        if residue.seqid.num == number:
            for atom in residue:
                atom.pos = residue[0].pos


@pytest.mark.parametrize(
    ("change", "row", "reason"),
    [
        (lambda s, c: remove(c, 20), {}, "chain break: 19 and 21 are "),
        (lambda s, c: pile(c, 20), {}, "geometry: atoms of its backbone lie on each other"),
        (lambda s, c: remove(c, 20, ("O",)), {}, "missing backbone: 20 has no O"),
        (lambda s, c: remove(c, 20, ("N", "CA", "C", "O")), {}, "missing backbone: 20 has no N"),
        (lambda s, c: [remove(c, number) for number in range(1, 59)], {}, "no protein: no chain of its file is one"),
        (lambda s, c: None, {"chain": "B"}, "no such chain: B; chains of protein are A"),
        (lambda s, c: None, {"chopping": "1-30"}, "too short: 30 residues, fewer than 40"),
        (lambda s, c: None, {"chopping": "70-90"}, "chopping: 70-90 has no residues of the chain"),
        (lambda s, c: None, {"chopping": "1-20,24-58"}, "chain break: 20 and 24 are "),
        (lambda s, c: None, {"chopping": "1-50,1-50"}, "numbering: two residues have the same place"),
    ],
)
def test_what_cannot_be_used_is_dropped_with_its_reason(
    tmp_path: Path, change: Callable[..., object], row: dict[str, str], reason: str
) -> None:
    chain = prepared(tmp_path, altered(tmp_path, change), **row)
    assert chain.length == 0
    assert (chain.dropped or "").startswith(reason)


def test_every_protein_of_the_default_table_can_be_used(tmp_path: Path) -> None:
    rows = read_table(Path(__file__).parents[2] / "config/proteins.tsv", Protein)
    assert len(rows) == 62
    for row in rows:
        prepare_protein(PrepareSettings(protein=row, residues=Residues(), download=Download()), tmp_path / row.name)
        chain = Backbone.load(tmp_path / row.name / "backbone.npz")
        assert (chain.dropped, 58 <= chain.length <= 251) == (None, True), row


def test_ends_that_are_not_whole_are_left_out(tmp_path: Path) -> None:
    def cut(structure: gemmi.Structure, chain: gemmi.Chain) -> None:
        remove(chain, 1, ("N",))
        remove(chain, 58, ("O", "OXT"))

    assert prepared(tmp_path, altered(tmp_path, cut)).residues.tolist() == list(range(2, 58))


def test_a_pdb_id_is_fetched(tmp_path: Path, server: Server) -> None:
    content = (DATA / "mmcif/5PTI.cif.gz").read_bytes()
    server.answers = [whole(content)]
    told = Protein(name="pti", source="5PTI")
    settings = PrepareSettings(protein=told, residues=Residues(), download=server.settings)
    prepare_protein(settings, tmp_path / "pti", tmp_path / "downloads")
    prepare_protein(settings, tmp_path / "again", tmp_path / "downloads")
    assert Backbone.load(tmp_path / "again/backbone.npz").sequence == SEQUENCE
    assert server.asked == ["/download/5pti.cif.gz"]
    elsewhere = settings.download.model_copy(update={"url": settings.download.url + "?elsewhere"})
    prepare_protein(settings.model_copy(update={"download": elsewhere}), tmp_path / "third", tmp_path / "downloads")
    assert server.asked[1:] == ["/download/5pti.cif.gz?elsewhere"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("absent.pdb", "pti: absent.pdb: no such file; mend the source in the table of proteins"),
        ("MDAnalysisTests:absent.pdb", "no such file"),
        ("1abc", "pti: 1abc: no folder for downloads; give --downloads"),
    ],
)
def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path, source: str, words: str) -> None:
    with pytest.raises(UserError) as error:
        prepared(tmp_path, source)
    assert words in str(error.value)
    assert not (tmp_path / "pti").exists()


def test_what_was_fetched_but_is_no_structure_is_one_clear_line(tmp_path: Path, server: Server) -> None:
    server.answers = [whole(CONTENT)]
    told = Protein(name="pti", source="1abc")
    settings = PrepareSettings(protein=told, residues=Residues(), download=server.settings)
    with pytest.raises(UserError, match=r"^pti: .*1abc\.cif\.gz: holds no atoms; delete it to fetch it again"):
        prepare_protein(settings, tmp_path / "pti", tmp_path)
