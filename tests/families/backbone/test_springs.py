"""What bonds and angles tell, against distances in real proteins."""

import pytest
import torch
from torch import Generator, Tensor
from torch_geometric.data import Batch

from mdsnake.families.backbone.springs import PAIRS, bonded, distances, pulls, relaxed, robust_pulls, stretches
from tests.families.backbone.toys import HELIX, STRAND, chain, toy_batch

#: Å: N-CA, CA-C, N-C, C-N, CA-N, C-CA and CA-CA.
REAL = (1.46, 1.525, 2.46, 1.33, 2.43, 2.43, 3.80)


def test_known_distances_are_real_ones() -> None:
    assert [pair[2] for pair in PAIRS] == pytest.approx(REAL, abs=0.015)
    for phi_psi in (HELIX, STRAND):
        found = distances(chain(8, phi_psi))[0][:-1]
        torch.testing.assert_close(found, torch.tensor(REAL).expand(7, 7), rtol=0, atol=0.015)


def freed(coords: Tensor, batch: Batch, noise: float = 0.1, scale: float = 1.0) -> Tensor:
    return relaxed(coords, torch.full((len(coords),), noise), torch.full((len(coords),), scale), batch)


def test_a_chain_that_is_as_it_should_be_stays() -> None:
    batch = toy_batch(6, 12)
    torch.testing.assert_close(freed(batch.coords, batch), batch.coords, rtol=0, atol=0.015)
    torch.testing.assert_close(freed(0.5 * batch.coords, batch, scale=0.5), 0.5 * batch.coords, rtol=0, atol=0.01)


def test_a_bond_that_is_too_long_moves_both_of_its_atoms() -> None:
    batch = toy_batch(6, 12)
    coords = batch.coords.clone()
    along = torch.nn.functional.normalize(coords[3, 0] - coords[2, 2], dim=0)
    coords[3:6] += 0.2 * along  # of the first chain, whose third C and fourth N it parts
    found = freed(coords, batch) - coords
    assert float(found[2, 2] @ along) > 0.03
    assert float(found[3, 0] @ along) < -0.03
    torch.testing.assert_close(found[6:], torch.zeros(12, 3, 3), rtol=0, atol=0.015)


@pytest.mark.parametrize(("noise", "left"), [(0.2, 0.45), (1.0, 0.4), (3.0, 0.25)])
def test_distances_tell_most_of_the_noise(noise: float, left: float) -> None:
    batch = toy_batch(*[40] * 20)
    coords = batch.coords + noise * torch.randn(batch.coords.shape, generator=Generator().manual_seed(0))
    error = (freed(coords, batch, noise) - batch.coords).square().mean()
    assert 0.05 < error / noise**2 < left


def test_what_has_no_noise_stays_and_little_noise_is_hardly_moved() -> None:
    batch = toy_batch(12)
    coords = batch.coords + 0.5 * torch.randn(batch.coords.shape, generator=Generator().manual_seed(0))
    noise = torch.full((12,), 0.5)
    noise[3:6] = 0
    found = relaxed(coords, noise, torch.ones(12), batch)
    assert torch.equal(found[3:6], coords[3:6])
    assert float((found - coords)[[2, 6]].norm(dim=-1).min()) > 0.05
    way = [float((freed(coords, batch, level) - coords).norm()) for level in (0.003, 0.03, 0.5)]
    assert way[0] < 0.2 * way[1] < 0.2 * way[2]


def test_relaxing_turns_with_the_structure_and_leaves_its_centre() -> None:
    batch = toy_batch(6, 12)
    coords: Tensor = batch.coords + 0.2 * torch.randn(18, 3, 3, generator=Generator().manual_seed(0))
    found = freed(coords, batch)
    turn = torch.linalg.qr(torch.randn(3, 3, generator=Generator().manual_seed(1)))[0]
    torch.testing.assert_close(freed(coords @ turn.T, batch), found @ turn.T, rtol=0, atol=1e-3)
    for part in ((found - coords)[:6], (found - coords)[6:]):
        torch.testing.assert_close(part.sum((0, 1)), torch.zeros(3), rtol=0, atol=1e-4)


def test_pulls_are_minus_the_slope_of_what_bonds_are_strained() -> None:
    batch = toy_batch(6, 12)
    generator = Generator().manual_seed(0)
    coords = batch.coords.double() + 0.3 * torch.randn(18, 3, 3, generator=generator, dtype=torch.float64)
    scale = 0.5 + torch.rand(18, generator=generator, dtype=torch.float64)
    following = bonded(batch)

    def energy(x: Tensor, robust: bool) -> Tensor:
        square = stretches(x, following, torch.ones_like(scale) if robust else scale)[0].square()
        return 0.5 * (square / (1 + square) if robust else square).sum()

    for robust, found in ((False, pulls(coords, following, scale)), (True, robust_pulls(coords, following))):
        x = coords.clone().requires_grad_()
        (slope,) = torch.autograd.grad(energy(x, robust), x)
        torch.testing.assert_close(found, -slope, rtol=0, atol=1e-6)


def test_chains_are_not_bonded_to_each_other() -> None:
    assert bonded(toy_batch(2, 3)).tolist() == [True, False, True, True, False]
