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
    Batch with A atoms in all: the arrays as (A, 3); `masses` (A,); `pair_index` (2, P) into the atoms, i < j,
    the samples of a pair following each other;
    `bonds`, `angles`, `dihedrals`, `rigid` (2|3|4, ·); `rigid_lengths` (C,); `batch` (A,) sample of each atom;
    `ptr` (samples + 1,).  What samples of a molecule have in common is there once: `atoms` (a, 6), `pairs` (2, p) into
    them, `pair_classes` (p, 3), `rest` (p,) and `molecule_ptr` (molecules + 1,) as `ptr`; `atom_row` (A,) and
    `pair_row` (P,) tell each atom's and pair's row of it, and `parts` (molecules, 2) how many pairs and samples of each
    """
    fields: dict[str, list[Tensor]] = {}
    sizes: list[Tensor] = []
    offset = n_atoms_before = n_pairs_before = 0
    ends = [0]
    for molecule, arrays in parts:
        (n, n_atoms), n_pairs = arrays["positions"].shape[:2], len(molecule.rest)
        starts = offset + n_atoms * torch.arange(n)
        for name, array in arrays.items():
            fields.setdefault(name, []).append(array.reshape(n * n_atoms, -1))
        for name in ("masses", "rigid_lengths"):
            fields.setdefault(name, []).append(getattr(molecule, name).repeat(n))
        for name in ("atoms", "pair_classes", "rest"):
            fields.setdefault(name, []).append(getattr(molecule, name))
        fields.setdefault("pairs", []).append(molecule.pairs.T + n_atoms_before)
        fields.setdefault("atom_row", []).append((n_atoms_before + torch.arange(n_atoms)).repeat(n))
        fields.setdefault("pair_row", []).append((n_pairs_before + torch.arange(n_pairs)).repeat_interleave(n))
        fields.setdefault("pair_index", []).append((molecule.pairs.T[:, None] + starts[:, None]).flatten(0, 1))
        fields.setdefault("parts", []).append(torch.tensor([[n_pairs, n]]))
        for name in INDICES:
            fields.setdefault(name, []).append(_shifted(getattr(molecule, name), starts))
        sizes.append(torch.full((n,), n_atoms))
        offset, n_atoms_before, n_pairs_before = (
            offset + n * n_atoms,
            n_atoms_before + n_atoms,
            n_pairs_before + n_pairs,
        )
        ends.append(n_atoms_before)
    columns = {"pairs", "pair_index", *INDICES}
    joined = {name: torch.cat(values).T if name in columns else torch.cat(values) for name, values in fields.items()}
    size = torch.cat(sizes)
    ptr = torch.cat([torch.zeros(1, dtype=torch.long), size.cumsum(0)])
    batch = torch.arange(len(size)).repeat_interleave(size)
    return Batch(_base_cls=Data, batch=batch, ptr=ptr, molecule_ptr=torch.tensor(ends), **joined)


def _shifted(indices: Int[Tensor, "m atoms"], starts: Int[Tensor, " n"]) -> Int[Tensor, "n*m atoms"]:
    """Atom indices repeated for each sample's first atom."""
    return (indices[None] + starts[:, None, None]).reshape(-1, indices.shape[-1])
