"""How a backbone fills space: clashes, radius of gyration, helices and strands."""

import numpy as np
from jaxtyping import Float
from MDAnalysis.analysis.dssp import assign

CLASH_ANGSTROM = 3.6
#: Residues closer in the chain than this are near each other anyway.
APART = 3


def clashes(ca_angstrom: Float[np.ndarray, "L 3"]) -> int:
    """Pairs of CA less than 3.6 Å apart, at least three residues along the chain."""
    i, j = np.triu_indices(len(ca_angstrom), APART)
    return int((np.linalg.norm(ca_angstrom[i] - ca_angstrom[j], axis=-1) < CLASH_ANGSTROM).sum())


def radius_of_gyration(ca_angstrom: Float[np.ndarray, "L 3"]) -> float:
    """Of the CA, in Å."""
    return float(np.sqrt(((ca_angstrom - ca_angstrom.mean(0)) ** 2).sum(-1).mean()))


def secondary_structure(coords_angstrom: Float[np.ndarray, "L 4 3"]) -> tuple[float, float]:
    """Shares of residues in helices and in strands, by DSSP's hydrogen bonds as PyDSSP assigns them.

    MDAnalysis carries PyDSSP (Minami, 2023).  Chains of less than six residues have neither.
    """
    if len(coords_angstrom) < 6:
        return 0.0, 0.0
    with np.errstate(divide="ignore", invalid="ignore"):  # atoms on one spot have no hydrogen bond
        _, helix, strand = assign(coords_angstrom.astype(float)).T
    return float(helix.mean()), float(strand.mean())
