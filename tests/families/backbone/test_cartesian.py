"""The pose in which the first member sees a structure."""

import pytest
import torch
from torch import Generator, Tensor

from mdsnake.families.backbone.cartesian import CartesianModel, pose
from mdsnake.nn.rotations import random_rotations
from mdsnake.nn.so3 import log
from tests.families.backbone.toys import toy_batch, toy_model


def coords(*lengths: int) -> Tensor:
    return torch.randn(sum(lengths), 3, 3, generator=Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("lengths", [(2,), (3, 2), (6, 12, 9)])
def test_it_turns_with_the_structure_and_is_blind_to_shifts(lengths: tuple[int, ...]) -> None:
    batch, x = toy_batch(*lengths), coords(*lengths)
    turn = torch.linalg.qr(random_rotations(1, Generator().manual_seed(1))[0].double())[0]
    turn = turn * torch.linalg.det(turn)
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
