"""Internal coordinates and superposition of F frames of N atoms."""

import numpy as np


def lengths(x: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Distances (F, P), in the unit of `x` (F, N, 3), of the atom pairs (P, 2)."""
    return np.linalg.norm(x[:, pairs[:, 0]] - x[:, pairs[:, 1]], axis=-1)


def angles(x: np.ndarray, triples: np.ndarray) -> np.ndarray:
    """Angles i–j–k (F, A) in radians, 0 to π, of the atom triples (A, 3)."""
    a = x[:, triples[:, 0]] - x[:, triples[:, 1]]
    b = x[:, triples[:, 2]] - x[:, triples[:, 1]]
    # atan2 keeps its precision near 0 and π, where arccos loses half of its digits
    return np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1))


def dihedrals(x: np.ndarray, quadruples: np.ndarray) -> np.ndarray:
    """Dihedrals i–j–k–l (F, T) in radians, −π to π, IUPAC sign, of the atom quadruples (T, 4).

    Blondel and Karplus, J. Comput. Chem. 17, 1132 (1996).
    """
    i, j, k, m = (x[:, quadruples[:, column]] for column in range(4))
    f, g, h = i - j, j - k, m - k
    a, b = np.cross(f, g), np.cross(h, g)
    sine = np.sum(np.cross(b, a) * g, axis=-1) / np.linalg.norm(g, axis=-1)
    return np.arctan2(sine, np.sum(a * b, axis=-1))


def wrap(angle: np.ndarray) -> np.ndarray:
    """The same angles, in radians, within [−π, π)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def kabsch(mobile: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Proper rotations (F, 3, 3) that bring the centred `mobile` nearest to the centred `target`, both (F, N, 3).

    Rotated coordinates are `mobile @ R`.  Kabsch, Acta Cryst. A 32, 922 (1976).
    """
    u, _, vh = np.linalg.svd(np.einsum("fni,fnj->fij", mobile, target))
    # where the best orthogonal matrix is a reflection, the weakest axis is turned back
    u[:, :, 2] *= np.linalg.det(u @ vh)[:, None]
    return u @ vh


def aligned_rmsd(mobile: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Root mean square deviation (F,) after superposition, in the unit of the frames (F, N, 3)."""
    mobile = mobile - mobile.mean(axis=1, keepdims=True)
    target = target - target.mean(axis=1, keepdims=True)
    return np.sqrt(np.mean(np.sum((mobile @ kabsch(mobile, target) - target) ** 2, axis=-1), axis=-1))
