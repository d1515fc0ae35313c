"""How frames give way to their bonds."""

import pytest
import torch
from torch import Generator, Tensor
from torch_geometric.data import Batch

from mdsnake.families.backbone.config import About, Frames, Residues
from mdsnake.families.backbone.frames import SCALE, FramesModel, moved, strain
from mdsnake.families.backbone.springs import PAIRS, bonded, distances, robust_pulls
from tests.families.backbone.toys import toy_batch

STEP = 1e-4


def strained() -> tuple[FramesModel, Batch, Tensor]:
    """Two chains, each residue a little out of its place."""
    model = FramesModel(Frames(kind="frames", width=8, layers=1, heads=1), About(residues=Residues()))
    batch, generator = toy_batch(4, 6), Generator().manual_seed(0)
    frames = model.encode(batch.coords).double()
    turn, shift = 0.05 * torch.randn(2, len(frames), 3, generator=generator, dtype=torch.float64)
    return model, batch, moved(frames, turn, shift)


def test_training_in_few_digits_leaves_rotations_whole() -> None:
    model, batch, _ = strained()
    batch.scaffolded, batch.shape_weight, batch.share = 0.0, 1.2, torch.full((batch.num_graphs,), 0.3)
    wanted = model.loss(batch, Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        found = model.loss(batch, Generator().manual_seed(0))
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value)


def energy(model: FramesModel, frames: Tensor, batch: Batch) -> Tensor:
    """Σ ½ s²/(1 + s²) of every bond between residues, s being Å of stretch."""
    stretch = distances(model.decode(frames))[0] - torch.tensor([pair[2] for pair in PAIRS])
    square = stretch[:, 3:].square()
    return 0.5 * (square / (1 + square) * bonded(batch)[:, None]).sum()


def test_force_and_torque_are_slopes_of_the_strain() -> None:
    model, batch, frames = strained()
    force, torque = strain(frames, robust_pulls(model.decode(frames), bonded(batch)))
    for row in range(len(frames)):
        for axis in range(3):
            small = torch.zeros(len(frames), 3, dtype=torch.float64)
            small[row, axis] = STEP
            none = torch.zeros_like(small)
            for told, ways in (
                (force, [(none, small / SCALE), (none, -small / SCALE)]),
                (torque, [(small / 2, none), (-small / 2, none)]),  # a quaternion has half of the angle
            ):
                up, down = (energy(model, moved(frames, *way), batch) for way in ways)
                slope = (up - down) / (2 * STEP)
                torch.testing.assert_close(told[row, axis], -slope, rtol=1e-3, atol=1e-3)


def test_giving_way_brings_bonds_to_their_lengths() -> None:
    model, batch, frames = strained()
    before = energy(model, frames, batch)
    for _ in range(100):
        force, torque = strain(frames, robust_pulls(model.decode(frames), bonded(batch)))
        frames = moved(frames, 0.02 * torque, 0.1 * force / SCALE)
    assert energy(model, frames, batch) < 0.01 * before


def test_nothing_pulls_where_bonds_are_as_they_should_be() -> None:
    model, batch, _ = strained()
    force, torque = strain(model.encode(batch.coords), robust_pulls(batch.coords, bonded(batch)))
    assert float(torch.cat([force, torque]).abs().max()) < 0.1


def relaxing(noise: float, turn: float) -> tuple[Tensor, Tensor]:
    """Squared errors of places and of rotations, before and after relaxing noise of so many Å and radians."""
    model, _, _ = strained()
    batch = toy_batch(*[40] * 10)
    clean, generator = model.encode(batch.coords), Generator().manual_seed(0)
    turned, shifted = torch.randn(2, len(clean), 3, generator=generator)
    seen = moved(clean, 0.5 * turn * turned, noise / SCALE * shifted)
    amounts = (torch.full((len(clean), 1), size) for size in (noise, turn))
    found = model.relaxed(seen, *amounts, bonded(batch))
    off = torch.stack([(frames - clean).square() for frames in (seen, found)])
    return off[..., 3].mean((1, 2)), off[..., :3].mean((1, 2, 3))


@pytest.mark.parametrize(("noise", "left"), [(0.4, 0.55), (2.0, 0.4), (6.0, 0.25)])
def test_relaxing_takes_away_most_of_the_noise_of_places(noise: float, left: float) -> None:
    places, rotations = relaxing(noise, 0.03)
    assert 0.05 * places[0] < places[1] < left * places[0]
    assert rotations[1] < 1.02 * rotations[0]


@pytest.mark.parametrize(("noise", "turn", "left"), [(0.05, 0.3, 0.6), (0.5, 0.3, 0.75), (2.0, 0.6, 0.85)])
def test_relaxing_takes_away_noise_of_rotations(noise: float, turn: float, left: float) -> None:
    _, rotations = relaxing(noise, turn)
    assert rotations[1] < left * rotations[0]


def test_relaxing_moves_what_has_noise_the_way_that_it_has_it() -> None:
    model, batch, frames = strained()
    place, turn = torch.full((10, 1), 0.5), torch.full((10, 1), 0.2)
    place[2], turn[2] = 0, 0
    place[6], turn[7] = 0, 0
    found = model.relaxed(frames.float(), place, turn, bonded(batch)) - frames.float()
    assert not found[2].any()
    assert not found[6, :, 3].any()
    assert float(found[6, :, :3].abs().max()) > 1e-3
    assert float(found[7, :, :3].abs().max()) < 1e-6
    assert float(found[7, :, 3].abs().max()) > 1e-3
