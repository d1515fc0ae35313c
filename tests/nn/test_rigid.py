import math

import pytest
import torch

from mdsnake.nn.rigid import C_O, CA_C_O, LAST_O, atoms_of, ideal_atoms, rotations_of, with_oxygen
from mdsnake.nn.rotations import random_rotations


def angle(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    return torch.arccos(torch.nn.functional.cosine_similarity(a - b, c - b, dim=-1))


def dihedral(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> float:
    """IUPAC's sign."""
    first, axis, second = b - a, c - b, d - c
    n1, n2 = torch.linalg.cross(first, axis), torch.linalg.cross(axis, second)
    return float(torch.atan2(axis.norm() * (first @ n2), n1 @ n2))


def test_frames_and_atoms_are_inverse() -> None:
    rotations, places = random_rotations(20, torch.Generator().manual_seed(0)), torch.randn(20, 3)
    coords = atoms_of(rotations, places)
    torch.testing.assert_close(rotations_of(coords), rotations, rtol=0, atol=1e-5)
    torch.testing.assert_close(coords[:, 1], places)


def test_frames_are_proper_and_turn_with_the_atoms() -> None:
    coords, turn = torch.randn(20, 3, 3), random_rotations(1)[0]
    frames = rotations_of(coords)
    torch.testing.assert_close(torch.linalg.det(frames), torch.ones(20))
    torch.testing.assert_close(rotations_of(coords @ turn.T), turn @ frames, rtol=0, atol=1e-5)


def test_residues_are_of_the_right_hand() -> None:
    """Looking from H to CA, one reads CO, R, N: the side chain of an L amino acid is where CB is built."""
    n, ca, c = ideal_atoms()
    b, a = ca - n, c - ca
    cb = -0.58273431 * torch.linalg.cross(b, a) + 0.56802827 * b - 0.54067466 * a
    assert float(torch.linalg.det(torch.stack([n - ca, c - ca, cb]))) > 0


def test_oxygen_is_in_the_peptide_plane() -> None:
    coords = torch.randn(6, 3, 3, dtype=torch.float64)
    whole = with_oxygen(coords)
    n, ca, c, o = whole.unbind(1)
    torch.testing.assert_close((o - c).norm(dim=-1), torch.full((6,), C_O, dtype=torch.float64))
    torch.testing.assert_close(angle(ca, c, o), torch.full((6,), CA_C_O, dtype=torch.float64))
    for i in range(5):
        assert abs(dihedral(n[i + 1], ca[i], c[i], o[i])) == pytest.approx(math.pi, abs=1e-6)
    assert dihedral(n[5], ca[5], c[5], o[5]) == pytest.approx(LAST_O, abs=1e-6)


def test_the_last_oxygen_is_that_of_a_strand() -> None:
    """ψ, to the next N, is about 135° there, and O is on the other side of C."""
    assert math.degrees(LAST_O) == pytest.approx(135 - 180, abs=10)


def test_oxygen_of_one_chain_does_not_see_the_next() -> None:
    coords = torch.randn(7, 3, 3)
    together = with_oxygen(coords, torch.tensor([1, 2, 2, 4, 5, 6, 6]))
    torch.testing.assert_close(together[:3], with_oxygen(coords[:3]))
    torch.testing.assert_close(together[3:], with_oxygen(coords[3:]))
