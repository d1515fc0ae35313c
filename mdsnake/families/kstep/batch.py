"""States of several molecules as one `torch_geometric` batch."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch_geometric.data import Batch, Data

from mdsnake.families.kstep.features import MoleculeTensors

INDICES = ("bonds", "angles", "dihedrals", "rigid")


def collate(parts: Sequence[tuple[MoleculeTensors, Mapping[str, Float[Tensor, "_ _ 3"]]]]) -> Batch:
    """Concatenate the atoms of all samples.

    Parameters
    ----------
    parts : for each molecule its tensors and the per-atom arrays of n samples, each (n, N, 3):
        at least `positions` nm, `velocities` nm/ps, `forces` kJ/mol/nm

    Returns
    -------
    Batch with A atoms in all: the arrays as (A, 3); `masses` (A,); `atoms` (A, 6); `pair_index` (2, P) into
    the atoms, i < j; `pair_classes` (P, 3); `rest` (P,); `bonds`, `angles`, `dihedrals`, `rigid`
    (2|3|4, ·); `rigid_lengths` (C,);
    `batch` (A,) sample of each atom; `ptr` (samples + 1,)
    """
    fields: dict[str, list[Tensor]] = {}
    sizes: list[Tensor] = []
    offset = 0
    for molecule, arrays in parts:
        n, n_atoms = arrays["positions"].shape[:2]
        starts = offset + n_atoms * torch.arange(n)
        for name, array in arrays.items():
            fields.setdefault(name, []).append(array.reshape(n * n_atoms, -1))
        for name in ("masses", "atoms", "pair_classes", "rest", "rigid_lengths"):
            value = getattr(molecule, name)
            fields.setdefault(name, []).append(value.repeat(n, *[1] * (value.dim() - 1)))
        fields.setdefault("pair_index", []).append(_shifted(molecule.pairs.T, starts))
        for name in INDICES:
            fields.setdefault(name, []).append(_shifted(getattr(molecule, name), starts))
        sizes.append(torch.full((n,), n_atoms))
        offset += n * n_atoms
    columns = {"pair_index", *INDICES}
    joined = {name: torch.cat(values).T if name in columns else torch.cat(values) for name, values in fields.items()}
    size = torch.cat(sizes)
    ptr = torch.cat([torch.zeros(1, dtype=torch.long), size.cumsum(0)])
    return Batch(_base_cls=Data, batch=torch.arange(len(size)).repeat_interleave(size), ptr=ptr, **joined)


def _shifted(indices: Int[Tensor, "m atoms"], starts: Int[Tensor, " n"]) -> Int[Tensor, "n*m atoms"]:
    """Atom indices repeated for each sample's first atom."""
    return (indices[None] + starts[:, None, None]).reshape(-1, indices.shape[-1])
