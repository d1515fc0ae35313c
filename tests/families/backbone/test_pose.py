"""The pose in which networks see a structure, and how they superpose what they know of it."""

import pytest
import torch
from torch import Generator, Tensor

from mdsnake.families.backbone.cartesian import CartesianModel
from mdsnake.families.backbone.frames import FramesModel, between_frames
from mdsnake.families.backbone.model import none_fixed
from mdsnake.families.backbone.pose import pose, superposing
from mdsnake.nn.rotations import random_rotations
from mdsnake.nn.so3 import log
from tests.families.backbone.toys import toy_batch, toy_model


def coords(*lengths: int) -> Tensor:
    return torch.randn(sum(lengths), 3, 3, generator=Generator().manual_seed(0), dtype=torch.float64)


def some_turns(count: int) -> Tensor:
    turns = torch.linalg.qr(random_rotations(count, Generator().manual_seed(1)).double())[0]
    return turns * torch.linalg.det(turns)[:, None, None]


@pytest.mark.parametrize("lengths", [(2,), (3, 2), (6, 12, 9)])
def test_it_turns_with_the_structure_and_is_blind_to_shifts(lengths: tuple[int, ...]) -> None:
    batch, x = toy_batch(*lengths), coords(*lengths)
    turn = some_turns(1)[0]
    before, after = pose(x, batch), pose(x @ turn.T + 30.0, batch)
    torch.testing.assert_close(after, turn @ before, rtol=0, atol=1e-6)
    torch.testing.assert_close(torch.linalg.det(before), torch.ones(len(lengths), dtype=torch.float64))


def test_a_mirror_image_has_no_mirrored_pose() -> None:
    mirror = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))
    batch, x = toy_batch(6), coords(6)
    assert not torch.allclose(pose(x @ mirror, batch) @ mirror, pose(x, batch), atol=0.1)
    assert float(torch.linalg.det(pose(x @ mirror, batch))) == pytest.approx(1)


def test_noise_turns_it_little() -> None:
    """Half of the way to noise, in the median over random walks as wide as proteins."""
    model, batch = toy_model("cartesian"), toy_batch(*[64] * 40)
    assert isinstance(model, CartesianModel)
    generator = Generator().manual_seed(2)
    walk = torch.randn(40, 64, 1, 3, generator=generator).cumsum(1)
    walk = walk - walk.mean(1, keepdim=True)
    clean = (walk / walk.std((1, 3), keepdim=True)).expand(-1, -1, 3, -1).flatten(0, 1)
    noise = torch.randn(clean.shape, generator=generator)
    state = model.noised(clean, torch.full((len(clean),), model.timesteps // 2), noise)
    angle = log(pose(clean, batch).mT @ pose(state, batch)).norm(dim=-1).rad2deg()
    assert float(angle.median()) < 20


def test_where_nothing_tells_it_there_is_none_and_gradients_are_finite() -> None:
    batch, x = toy_batch(6), torch.zeros(6, 3, 3, requires_grad=True)
    told = pose(x, batch)
    assert not told.any()
    told.sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_each_sample_is_superposed_as_it_was_turned() -> None:
    batch, x, turns = toy_batch(6, 12), coords(6, 12), some_turns(2)
    found = superposing(x, x @ turns[batch.batch], batch)
    torch.testing.assert_close(found, turns, rtol=0, atol=1e-6)
    worse = x @ turns[batch.batch] + 0.3 * torch.randn(x.shape, generator=Generator().manual_seed(2))
    best = (x @ superposing(x, worse, batch)[batch.batch] - worse).square().sum()
    assert best < (x @ turns[batch.batch] - worse).square().sum()


def test_nothing_is_superposed_by_a_reflection() -> None:
    batch, x = toy_batch(6), coords(6)
    turn = superposing(x, -x, batch)
    assert float(torch.linalg.det(turn)) == pytest.approx(1)
    assert not turn.requires_grad


def test_cartesian_tells_a_shape_that_it_is_sure_of_where_the_noised_one_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = toy_model("cartesian"), toy_batch(6, 12)
    shape = model.centred(model.encode(batch.coords), batch, none_fixed(batch))
    turned = shape @ some_turns(2).float()[batch.batch]
    told = (torch.zeros_like(shape), shape, torch.ones(len(shape), 1, 1))
    monkeypatch.setattr(model, "network_output", lambda *given: told)
    found = model.answer(turned, torch.tensor([5, 7]), batch, none_fixed(batch))
    torch.testing.assert_close(found, turned, rtol=0, atol=1e-4)


def test_frames_tell_a_shape_that_they_are_sure_of_where_the_noised_one_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = toy_model("frames"), toy_batch(6, 12)
    assert isinstance(model, FramesModel)
    shape = model.encode(batch.coords)
    atoms = torch.einsum("nij,aj->nai", shape[..., :3], torch.tensor([[-0.5, 0.8, 0.0], [1.5, 0.0, 0.0]]))
    given = torch.stack([shape[..., 3], *atoms.unbind(1)], dim=1)
    monkeypatch.setattr(model.shape, "forward", lambda h: given.flatten(1))
    turns = some_turns(2).float()[batch.batch]
    seen = model.centred(turns @ shape, batch, none_fixed(batch))
    found = model.known_shape(torch.zeros(len(shape), 1), seen, batch)
    torch.testing.assert_close(found, seen, rtol=0, atol=1e-4)


def test_between_frames_lie_rotations() -> None:
    model, batch = toy_model("frames"), toy_batch(6, 12)
    frames = model.encode(batch.coords)
    others = some_turns(len(frames)).float() @ frames
    for share, expected in ((0.0, frames), (1.0, others)):
        found = between_frames(frames, others, torch.full((len(frames), 2), share))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    mixed = between_frames(frames, others, torch.tensor([[0.3, 0.6]]).expand(len(frames), 2))
    assert torch.allclose(torch.linalg.det(mixed[..., :3]), torch.ones(len(frames)), atol=1e-5)
    torch.testing.assert_close(mixed[..., 3], torch.lerp(frames[..., 3], others[..., 3], 0.6))
