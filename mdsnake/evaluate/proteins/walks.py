"""Chains that are no proteins: what a score has to tell from them."""

import math
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float

from mdsnake.nn.rigid import C_N, C_N_CA, CA_C, CA_C_N, N_CA, N_CA_C, with_oxygen


def chain(torsions_degrees: Float[np.ndarray, "L 3"]) -> Float[np.ndarray, "L 4 3"]:
    """A backbone in Å of ideal bonds and angles with these φ, ψ and ω; the last two lead to the next residue."""
    torsions = np.radians(torsions_degrees)
    atoms = [np.zeros(3), np.array([N_CA, 0.0, 0.0])]
    atoms.append(atoms[1] + CA_C * np.array([-math.cos(N_CA_C), math.sin(N_CA_C), 0.0]))
    for (_, psi, omega), (phi, _, _) in pairwise(torsions):
        for length, angle, torsion in ((C_N, CA_C_N, psi), (N_CA, C_N_CA, omega), (CA_C, N_CA_C, phi)):
            atoms.append(_after(atoms[-3], atoms[-2], atoms[-1], length, angle, torsion))
    return with_oxygen(torch.from_numpy(np.array(atoms).reshape(-1, 3, 3))).numpy()


def _after(a: np.ndarray, b: np.ndarray, c: np.ndarray, length: float, angle: float, torsion: float) -> np.ndarray:
    """The atom at this distance from c, with this angle b–c–d and dihedral a–b–c–d in radians."""
    along = (c - b) / np.linalg.norm(c - b)
    normal = np.cross(b - a, along)
    normal /= np.linalg.norm(normal)
    sideways = math.cos(torsion) * np.cross(normal, along) + math.sin(torsion) * normal
    return c + length * (math.sin(angle) * sideways - math.cos(angle) * along)


def random_walk(length: int, rng: np.random.Generator) -> Float[np.ndarray, "L 4 3"]:
    """A chain of ideal bonds and angles and trans peptides, with φ and ψ drawn evenly: it folds into nothing."""
    torsions = rng.uniform(-180, 180, (length, 3))
    torsions[:, 2] = 180
    return chain(torsions)


def mirrored(coords_angstrom: Float[np.ndarray, "L 4 3"]) -> Float[np.ndarray, "L 4 3"]:
    """The mirror image."""
    return coords_angstrom * np.array([1, 1, -1], dtype=coords_angstrom.dtype)
