"""`samples.h5`: structures drawn from a model, and how they came about."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from jaxtyping import Bool, Float, Int

from mdsnake.errors import UserError
from mdsnake.store.atomic import replacing


@dataclasses.dataclass(frozen=True)
class Samples:
    """Samples one after the other.

    Attributes
    ----------
    ptr : where each of S samples starts, and the end, (S + 1,)
    coords_angstrom : N, CA, C and O of all residues, (n, 4, 3)
    trajectory_angstrom : the same from noise, the first picture, to the structure, the last, (F, n, 4, 3)
    motif : the residues that were given, (n,)
    wall_seconds : what drawing each took, (S,)
    """

    ptr: Int[np.ndarray, " ends"]
    coords_angstrom: Float[np.ndarray, "n 4 3"]
    trajectory_angstrom: Float[np.ndarray, "frames n 4 3"]
    motif: Bool[np.ndarray, " n"]
    wall_seconds: Float[np.ndarray, " samples"]
    provenance: dict[str, Any]

    def __len__(self) -> int:
        return len(self.ptr) - 1

    @property
    def names(self) -> list[str]:
        return [f"sample{number:04d}" for number in range(len(self))]

    def rows(self, number: int) -> slice:
        """The residues of a sample."""
        return slice(int(self.ptr[number]), int(self.ptr[number + 1]))

    @property
    def chains(self) -> dict[str, Float[np.ndarray, "L 4 3"]]:
        """The structures by name."""
        return {name: self.coords_angstrom[self.rows(number)] for number, name in enumerate(self.names)}

    @property
    def seconds(self) -> dict[int, tuple[float, int]]:
        """By length, the mean of the wall seconds for a sample, and how many samples there are."""
        lengths = np.diff(self.ptr)
        chosen = {int(length): self.wall_seconds[lengths == length] for length in np.unique(lengths)}
        return {length: (float(values.mean()), len(values)) for length, values in chosen.items()}

    def save(self, path: str | Path) -> None:
        with replacing(path) as temporary, h5py.File(temporary, "w") as file:
            file.attrs["provenance"] = json.dumps(self.provenance)
            for field in dataclasses.fields(self):
                if field.name != "provenance":
                    file.create_dataset(field.name, data=getattr(self, field.name))
            for name in ("coords_angstrom", "trajectory_angstrom"):
                file[name].attrs["unit"] = "Angstrom"

    @classmethod
    def load(cls, path: str | Path) -> "Samples":
        path, cure = Path(path), "delete it and run `mdsnake rollout` again"
        if not path.is_file():
            raise UserError(f"{path}: no such file; run `mdsnake rollout` first")
        try:
            with h5py.File(path) as file:
                told = {field.name: file[field.name][:] for field in dataclasses.fields(cls)[:-1]}
                about = json.loads(file.attrs["provenance"])
        except Exception as error:  # whatever the library meets in a file that is none of ours
            raise UserError(f"{path}: damaged, or no samples of a backbone model; {cure}") from error
        ptr, n = told["ptr"], len(told["coords_angstrom"])
        shapes = {
            "coords_angstrom": (n, 4, 3),
            "trajectory_angstrom": (*told["trajectory_angstrom"].shape[:1], n, 4, 3),
            "motif": (n,),
            "wall_seconds": (len(ptr) - 1,),
        }
        for name, shape in shapes.items():
            if told[name].shape != shape:
                raise UserError(f"{path}: {name}: shape {told[name].shape}, expected {shape}; {cure}")
        if ptr.ndim != 1 or ptr.dtype.kind != "i" or ptr[0] != 0 or ptr[-1] != n or (np.diff(ptr) < 1).any():
            raise UserError(f"{path}: ptr: does not part {n} residues into samples; {cure}")
        return cls(**told, provenance=about)
