"""What bonds and angles tell, against distances in real proteins."""

import pytest
import torch
from torch import Generator, Tensor

from mdsnake.families.backbone.springs import MOST, PAIRS, bonded, distances, pulls
from tests.families.backbone.toys import HELIX, STRAND, chain, toy_batch

#: Å: N-CA, CA-C, N-C, C-N, CA-N, C-CA and CA-CA.
REAL = (1.46, 1.525, 2.46, 1.33, 2.43, 2.43, 3.80)


def test_known_distances_are_real_ones() -> None:
    assert [pair[2] for pair in PAIRS] == pytest.approx(REAL, abs=0.015)
    for phi_psi in (HELIX, STRAND):
        found = distances(chain(8, phi_psi))[0][:-1]
        torch.testing.assert_close(found, torch.tensor(REAL).expand(7, 7), rtol=0, atol=0.015)


def test_a_chain_that_is_as_it_should_be_is_not_pulled() -> None:
    batch = toy_batch(6, 12)
    assert float(pulls(batch.coords, torch.full((18,), 0.1), batch).abs().max()) < 0.1


def test_a_bond_that_is_too_long_pulls_both_of_its_atoms() -> None:
    batch = toy_batch(6, 12)
    coords = batch.coords.clone()
    along = torch.nn.functional.normalize(coords[3, 0] - coords[2, 2], dim=0)
    coords[3:6] += 0.2 * along  # of the first chain, whose third C and fourth N it parts
    found = pulls(coords, torch.full((18,), 0.1), batch)
    assert float(found[2, 2] @ along) > 1
    assert float(found[3, 0] @ along) < -1
    assert float(found[6:].abs().max()) < 0.1
    assert float(pulls(10 * coords, torch.zeros(18), batch).norm(dim=-1).max()) <= MOST * len(PAIRS)


def test_pulls_turn_with_the_structure_and_add_up_to_nothing() -> None:
    batch = toy_batch(6, 12)
    coords: Tensor = batch.coords + 0.2 * torch.randn(18, 3, 3, generator=Generator().manual_seed(0))
    found = pulls(coords, torch.full((18,), 0.2), batch)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=Generator().manual_seed(1)))[0]
    torch.testing.assert_close(pulls(coords @ turn.T, torch.full((18,), 0.2), batch), found @ turn.T, rtol=0, atol=1e-3)
    for part in (found[:6], found[6:]):
        torch.testing.assert_close(part.sum((0, 1)), torch.zeros(3), rtol=0, atol=1e-4)


def test_chains_are_not_bonded_to_each_other() -> None:
    assert bonded(toy_batch(2, 3)).tolist() == [True, False, True, True, False]
