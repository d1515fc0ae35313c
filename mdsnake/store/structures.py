"""Backbones as PDB and mmCIF files: chain A, residues 1 to L, N, CA, C and O, all of them written as glycine."""

from collections.abc import Sequence
from pathlib import Path

import gemmi
import numpy as np
from jaxtyping import Bool, Float

from mdsnake.errors import UserError
from mdsnake.store.atomic import write_text
from mdsnake.store.backbones import ATOMS

PLACEHOLDER = "EVERY RESIDUE IS GLY, A PLACEHOLDER: THE MODEL KNOWS NO SEQUENCE"
ORDER = "MODELS ARE PICTURES OF THE DENOISING, FROM NOISE TO THE STRUCTURE"
GIVEN = "B-FACTOR 100 WHERE A RESIDUE WAS GIVEN AS MOTIF, ELSE 0"
#: Coordinates in Å that a PDB file has room for.
LOWEST, HIGHEST = -999.0, 9999.0


def write_pdb(path: Path, models: Sequence[Float[np.ndarray, "L 4 3"]], motif: Bool[np.ndarray, " L"]) -> None:
    """One model, or the pictures of a denoising.

    Raises
    ------
    UserError
        A coordinate is too large for such a file.
    """
    low, high = np.min(models), np.max(models)
    if not LOWEST < low <= high < HIGHEST:
        raise UserError(
            f"{path}: coordinates from {low:.0f} to {high:.0f} Å, and a PDB file has room for {LOWEST:.0f} to "
            f"{HIGHEST:.0f}; train the model longer, or take a motif nearer to the origin"
        )
    remarks = [PLACEHOLDER, GIVEN, *([ORDER] if len(models) > 1 else [])]
    header = "".join(f"REMARK   1 {text}\n" for text in remarks)
    options = gemmi.PdbWriteOptions(minimal=True)
    write_text(path, header + _structure(path.stem, models, motif).make_pdb_string(options))


def write_mmcif(path: Path, model: Float[np.ndarray, "L 4 3"], motif: Bool[np.ndarray, " L"]) -> None:
    structure = _structure(path.stem, [model], motif)
    document = structure.make_mmcif_document()
    document.sole_block().set_pair("_struct.pdbx_descriptor", gemmi.cif.quote(f"{PLACEHOLDER}. {GIVEN}"))
    write_text(path, document.as_string())


def _structure(
    name: str, models: Sequence[Float[np.ndarray, "L 4 3"]], motif: Bool[np.ndarray, " L"]
) -> gemmi.Structure:
    structure = gemmi.Structure()
    structure.name = name
    for number, coords in enumerate(models, start=1):
        chain = gemmi.Chain("A")
        for index, (residue, given) in enumerate(zip(coords, motif, strict=True), start=1):
            chain.add_residue(_glycine(index, residue, bool(given)))
        model = gemmi.Model(number)
        model.add_chain(chain)
        structure.add_model(model)
    structure.setup_entities()
    structure.assign_serial_numbers()
    return structure


def _glycine(number: int, coords: Float[np.ndarray, "4 3"], given: bool) -> gemmi.Residue:
    residue = gemmi.Residue()
    residue.name, residue.seqid = "GLY", gemmi.SeqId(str(number))
    residue.entity_type = gemmi.EntityType.Polymer
    for name, place in zip(ATOMS, coords, strict=True):
        atom = gemmi.Atom()
        atom.name, atom.element, atom.pos = name, gemmi.Element(name[0]), gemmi.Position(*place.tolist())
        atom.occ, atom.b_iso = 1.0, 100.0 if given else 0.0
        residue.add_atom(atom)
    return residue
