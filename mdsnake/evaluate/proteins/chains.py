"""A row for each chain: what is wrong with its geometry, its shape, and which training protein it is most like."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mdsnake.store.atomic import write_text

#: Needs the weights of networks that fold sequences; docs/designability.md tells how to compute it.
NOT_COMPUTED = "not computed"


class Chain(NamedTuple):
    """A row of the table of chains; shares are from 0 to 1, `failed` are the checks that make a chain invalid."""

    chain: str
    residues: int
    valid: bool
    failed: str
    bonds_in_band: float
    angles_in_band: float
    worst_in_band: float
    trans_share: float
    phi_positive: float
    clashes_per_100: float
    rg_angstrom: float
    rg_ratio: float
    helix: float
    strand: float
    nearest_training: str
    nearest_training_tm: float
    nearest_training_rmsd_angstrom: float
    sc_rmsd_angstrom: str = NOT_COMPUTED
    plddt: str = NOT_COMPUTED
    designable: str = NOT_COMPUTED


def write_chains(path: Path, rows: Iterable[Chain]) -> None:
    """As CSV; a number that is not known is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Chain._fields)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    write_text(path, text.getvalue())


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.5g}" if np.isfinite(value) else ""
    return value
