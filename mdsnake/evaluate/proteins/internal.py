"""Bonds, angles and torsions of a backbone of N, CA, C and O, in Å and degrees."""

import numpy as np
from jaxtyping import Float

from mdsnake.evaluate.geometry import angles, dihedrals, lengths

#: Places of an atom among those of its residue; 4 more for each residue on.
N, CA, C, OXYGEN, NEXT = range(5)
BONDS = {
    "N–CA": (N, CA),
    "CA–C": (CA, C),
    "C–N": (C, NEXT + N),
    "CA–CA": (CA, NEXT + CA),
    "C=O": (C, OXYGEN),
}
ANGLES = {
    "N–CA–C": (N, CA, C),
    "CA–C–N": (CA, C, NEXT + N),
    "C–N–CA": (C, NEXT + N, NEXT + CA),
}
#: φ is that of the next residue.
TORSIONS = {
    "φ": (C, NEXT + N, NEXT + CA, NEXT + C),
    "ψ": (N, CA, C, NEXT + N),
    "ω": (CA, C, NEXT + N, NEXT + CA),
}


def internal(coords_angstrom: Float[np.ndarray, "L 4 3"]) -> dict[str, np.ndarray]:
    """Every bond, angle and torsion by its kind; of those that reach into the next residue there are L − 1."""
    x = coords_angstrom.reshape(1, -1, 3).astype(float)

    def atoms(places: tuple[int, ...]) -> np.ndarray:
        return 4 * np.arange(len(coords_angstrom) - (max(places) >= NEXT))[:, None] + np.array(places)

    found = {kind: lengths(x, atoms(places))[0] for kind, places in BONDS.items()}
    found |= {kind: np.degrees(angles(x, atoms(places))[0]) for kind, places in ANGLES.items()}
    return found | {kind: np.degrees(dihedrals(x, atoms(places))[0]) for kind, places in TORSIONS.items()}


def ramachandran(found: dict[str, np.ndarray]) -> Float[np.ndarray, "n 2"]:
    """φ and ψ of the residues that have both: all but the first and the last."""
    return np.stack([found["φ"][:-1], found["ψ"][1:]], axis=1)
