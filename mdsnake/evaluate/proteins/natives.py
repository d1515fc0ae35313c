"""The real chains that samples are set beside."""

from pathlib import Path

import numpy as np

from mdsnake.errors import UserError
from mdsnake.families.backbone.config import About
from mdsnake.inputs import parse
from mdsnake.store.backbones import Backbone
from mdsnake.store.windows import Windows

#: Chains by name: N, CA, C and O of each residue in Å, (L, 4, 3).
Chains = dict[str, np.ndarray]


def load_natives(windows: Path) -> tuple[Chains, Chains]:
    """Chains that models have learned from, whole, and those that they have not, cut as windows are."""
    index = Windows.load(windows)
    most = parse(About, index.about, str(windows)).residues.max
    known: Chains = {}
    held_out: Chains = {}
    for group in index.groups:
        coords = Backbone.load(group.trajectory).coords_angstrom
        if group.split == "train":
            known[group.system] = coords
        elif group.starts:
            held_out[group.system] = coords[group.starts[0] : group.starts[0] + most]
    if not known:
        raise UserError(f"{windows}: no protein of the split train; run `mdsnake window` again")
    return known, held_out


def cut(chains: Chains, most: int) -> Chains:
    """The first `most` residues of each."""
    return {name: coords[:most] for name, coords in chains.items()}
