"""`backbone.npz`: the backbone of a chain, or why there is none."""

import dataclasses
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mdsnake.errors import UserError
from mdsnake.inputs import LARGEST_BYTES
from mdsnake.store.atomic import replacing

#: The atoms of a residue, in this order.
ATOMS = ("N", "CA", "C", "O")


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A chain of L residues, bonded one to the next.

    Attributes
    ----------
    chain : its author's name of the chain
    sequence : one letter for each residue, X where none is known
    coords_angstrom : N, CA, C and O of each residue, (L, 4, 3)
    residues : the author's numbers, (L,); without insertion codes, so one may stand there twice
    source : what it was read from
    dropped : why it cannot be used, as `reason: details`; L is then 0
    """

    name: str
    chain: str
    sequence: str
    coords_angstrom: Float[np.ndarray, "residues 4 3"]
    residues: Int[np.ndarray, " residues"]
    source: str
    dropped: str | None = None

    @property
    def length(self) -> int:
        return len(self.residues)

    def save(self, path: str | Path) -> None:
        fields = dataclasses.asdict(self) | {"dropped": self.dropped or ""}
        with replacing(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, **fields)

    @classmethod
    def load(cls, path: str | Path) -> "Backbone":
        path, cure = Path(path), "delete it and prepare the protein again"
        if not path.is_file():
            raise UserError(f"{path}: no such file; run `mdsnake prepare` first")
        try:
            if path.stat().st_size > LARGEST_BYTES:
                raise ValueError("too large")
            with zipfile.ZipFile(path) as held, np.load(path, allow_pickle=False) as file:
                if sum(part.file_size for part in held.infolist()) > LARGEST_BYTES:
                    raise ValueError("too large")
                told = {field.name: file[field.name] for field in dataclasses.fields(cls)}
        except (OSError, ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(f"{path}: not the backbone of a protein; {cure}") from error
        coords, residues = told["coords_angstrom"], told["residues"]
        texts = [name for name in told if name not in ("coords_angstrom", "residues")]
        if any(told[name].dtype.kind != "U" or told[name].shape for name in texts):
            raise UserError(f"{path}: {', '.join(texts)}: not all are text; {cure}")
        text = {name: str(told[name]) for name in texts}
        length = len(text["sequence"])
        if (coords.shape, coords.dtype.kind) != ((length, 4, 3), "f") or not np.isfinite(coords).all():
            raise UserError(f"{path}: coords_angstrom: not four atoms for each of its {length} residues; {cure}")
        if (residues.shape, residues.dtype.kind) != ((length,), "i"):
            raise UserError(f"{path}: residues: not a number for each of its {length} residues; {cure}")
        if bool(length) == bool(text["dropped"]):
            raise UserError(f"{path}: dropped: a protein has either residues or a reason to be dropped; {cure}")
        return cls(
            name=text["name"],
            chain=text["chain"],
            sequence=text["sequence"],
            coords_angstrom=coords.astype(np.float32),
            residues=residues.astype(int),
            source=text["source"],
            dropped=text["dropped"] or None,
        )
