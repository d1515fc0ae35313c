"""`mdsnake prepare` of a protein: the backbone of a chain, or of a part of it, or why it cannot be used."""

import importlib.util
import re
import zlib
from itertools import groupby
from pathlib import Path

import gemmi
import numpy as np

from mdsnake.errors import UserError
from mdsnake.families.backbone.config import PrepareSettings, Protein
from mdsnake.inputs import LARGEST_BYTES, short
from mdsnake.prepare.downloads import downloaded
from mdsnake.prepare.dropped import Dropped
from mdsnake.store.backbones import ATOMS, Backbone

PDB_ID = re.compile(r"[0-9][A-Za-z0-9]{3}|pdb_[A-Za-z0-9]{8}", re.IGNORECASE)
PACKAGE = "MDAnalysisTests:"
SEGMENT = re.compile(r"(-?\d+)([A-Za-z]?)-(-?\d+)([A-Za-z]?)")
#: A peptide bond is 1.33 Å long; atoms that are not bonded come no closer than 2.5.
LONGEST_BOND_ANGSTROM = 2.0
#: Nothing that is bonded is nearer than 1 Å; C and O, the nearest, are 1.23 Å apart.
SHORTEST_BOND_ANGSTROM = 0.8

Place = tuple[int, str]


def prepare_protein(settings: PrepareSettings, out: Path, downloads: Path | None = None) -> None:
    """Write backbone.npz into the folder `out`, also where the protein is dropped; it then holds the reason.

    Structures named by a PDB id are kept in the folder `downloads`.

    Raises
    ------
    UserError
        Its file is absent, cannot be fetched, or is no structure.
    """
    protein = settings.protein
    structure = read(locate(settings, downloads), protein)
    try:
        chain, kept = select(structure, protein)
        places, letters, coords = backbone_of(kept)
        check(places, coords, settings.residues.min)
        dropped = None
    except Dropped as error:
        dropped = short(str(error), 300)
        chain, places, letters, coords = protein.chain or "", [], "", np.empty((0, 4, 3))
    Backbone(
        name=protein.name,
        chain=chain,
        sequence=letters,
        coords_angstrom=coords.astype(np.float32),
        residues=np.array([number for number, _ in places], dtype=int),
        source=protein.source,
        dropped=dropped,
    ).save(Path(out) / "backbone.npz")


def locate(settings: PrepareSettings, downloads: Path | None) -> Path:
    """The file of the structure; one that is named by a PDB id is fetched."""
    name, source = settings.protein.name, settings.protein.source
    if source.startswith(PACKAGE):
        found = importlib.util.find_spec("MDAnalysisTests")
        if found is None or found.origin is None:
            raise UserError(f"{name}: {source}: MDAnalysisTests is not installed; pip install MDAnalysisTests")
        return Path(found.origin).parent / "data" / source.removeprefix(PACKAGE)
    if PDB_ID.fullmatch(source):
        if downloads is None:
            raise UserError(f"{name}: {source}: no folder for downloads; give --downloads")
        return downloaded(source, settings.download, downloads / settings.download.folder)
    return Path(source)


def read(path: Path, protein: Protein) -> gemmi.Structure:
    """A structure of at least one model, whose polymers are told from ligands and water."""
    where, cure = f"{protein.name}: {path}", "name a PDB or mmCIF file as its source"
    if PDB_ID.fullmatch(protein.source):
        cure = "delete it to fetch it again, or mend download.url"
    if not path.is_file():
        raise UserError(f"{where}: no such file; mend the source in the table of proteins")
    try:
        if not 0 < path.stat().st_size <= LARGEST_BYTES:
            raise UserError(f"{where}: empty, or larger than {LARGEST_BYTES >> 30} GiB; {cure}")
        structure = gemmi.read_structure(str(path), format=gemmi.CoorFormat.Detect)
    except (OSError, ValueError, RuntimeError, EOFError, MemoryError, zlib.error) as error:
        raise UserError(f"{where}: not a structure that can be read ({short(str(error))}); {cure}") from error
    if not len(structure) or not structure[0].count_atom_sites():
        raise UserError(f"{where}: holds no atoms; {cure}")
    structure.setup_entities()
    return structure


def select(structure: gemmi.Structure, protein: Protein) -> tuple[str, list[gemmi.Residue]]:
    """Name and residues of its chain in the first model, cut to its chopping."""
    chains: dict[str, list[gemmi.Residue]] = {}
    for chain in structure[0]:
        chains.setdefault(chain.name, []).extend(residue for residue in chain if _is_protein(residue))
    proteins = [name for name, residues in chains.items() if residues]
    if protein.chain is None and not proteins:
        raise Dropped("no protein: no chain of its file is one")
    name = proteins[0] if protein.chain is None else protein.chain
    if name not in proteins:
        raise Dropped(f"no such chain: {name}; chains of protein are {', '.join(proteins) or 'none'}")
    if protein.chopping is None:
        return name, chains[name]
    return name, [residue for part in protein.chopping.split(",") for residue in _segment(chains[name], part)]


def _is_protein(residue: gemmi.Residue) -> bool:
    if residue.entity_type != gemmi.EntityType.Polymer:
        return False
    # Files of simulations have names of their own for residues, and water that looks like part of the polymer.
    known = gemmi.find_tabulated_residue(residue.name).is_amino_acid()
    return known or {"N", "CA", "C"} <= {atom.name for atom in residue}


def _segment(residues: list[gemmi.Residue], text: str) -> list[gemmi.Residue]:
    """Residues from the one place to the other, both included; not all places need to have one."""
    match = SEGMENT.fullmatch(text)
    if match is None:
        raise Dropped(f"chopping: {text!r} is none; write 1-80,120-150")
    first, last = (int(match[1]), match[2].upper()), (int(match[3]), match[4].upper())
    found = [residue for residue in residues if first <= _place(residue) <= last]
    if not found:
        raise Dropped(f"chopping: {text} has no residues of the chain")
    return found


def _place(residue: gemmi.Residue) -> Place:
    return residue.seqid.num or 0, residue.seqid.icode.strip()


def backbone_of(residues: list[gemmi.Residue]) -> tuple[list[Place], str, np.ndarray]:
    """Place and letter of each residue, and the coordinates of its backbone in Å, (L, 4, 3).

    Of alternative locations, or of residues that share a place, that with the highest occupancy counts.  An atom that
    is not there is NaN; residues at the ends of the chain that lack one are left out.
    """
    places, letters, coords = [], "", []
    for place, group in groupby(residues, _place):
        candidates = [
            (atoms, residue.name)
            for residue in group
            for altloc in sorted({atom.altloc for atom in residue})
            for atoms in [_atoms(residue, altloc)]
        ]
        atoms, name = max(candidates, key=lambda found: (len(found[0]), sum(atom.occ for atom in found[0].values())))
        places.append(place)
        letters += gemmi.find_tabulated_residue(name).one_letter_code.strip().upper() or "X"
        coords.append([atoms[atom].pos.tolist() if atom in atoms else [np.nan] * 3 for atom in ATOMS])
    whole = np.flatnonzero(np.isfinite(np.array(coords)).all(axis=(1, 2)))
    if not len(whole):
        raise Dropped("missing backbone: no residue has N, CA, C and O")
    kept = slice(whole[0], whole[-1] + 1)
    return places[kept], letters[kept], np.array(coords[kept])


def _atoms(residue: gemmi.Residue, altloc: str) -> dict[str, gemmi.Atom]:
    """Its atoms of the backbone: those that have no alternative, and those of one."""
    return {atom.name: atom for atom in residue if atom.name in ATOMS and atom.altloc in ("\0", altloc)}


def _shown(place: Place) -> str:
    return f"{place[0]}{place[1]}"


def check(places: list[Place], coords: np.ndarray, shortest: int) -> None:
    """`Dropped` unless each residue is bonded to the next, and there are enough of them."""
    lacking = np.argwhere(~np.isfinite(coords).all(axis=2))
    if len(lacking):
        residue, atom = lacking[0]
        raise Dropped(f"missing backbone: {_shown(places[residue])} has no {ATOMS[atom]}")
    if len(set(places)) < len(places):
        raise Dropped("numbering: two residues have the same place; mend the file, or the chopping")
    if (np.linalg.norm(np.diff(coords, axis=1), axis=-1) < SHORTEST_BOND_ANGSTROM).any():
        raise Dropped("geometry: atoms of its backbone lie on each other")
    gaps = np.linalg.norm(coords[1:, 0] - coords[:-1, 2], axis=-1)
    if (gaps > LONGEST_BOND_ANGSTROM).any():
        i = int(np.argmax(gaps > LONGEST_BOND_ANGSTROM))
        raise Dropped(f"chain break: {_shown(places[i])} and {_shown(places[i + 1])} are {gaps[i]:.1f} Å apart, C to N")
    if len(places) < shortest:
        raise Dropped(f"too short: {len(places)} residues, fewer than {shortest}")
