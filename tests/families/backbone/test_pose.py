"""The pose in which networks see a structure, and how they superpose what they know of it."""

import pytest
import torch
from torch import Generator, Tensor

from mdsnake.families.backbone.cartesian import CartesianModel
from mdsnake.families.backbone.frames import SCALE as FRAMES_SCALE
from mdsnake.families.backbone.frames import FramesModel, between_frames
from mdsnake.families.backbone.model import BackboneModel, none_fixed
from mdsnake.families.backbone.pose import doubt, pose, superposed
from mdsnake.nn.rigid import ideal_atoms
from mdsnake.nn.rotations import random_rotations
from mdsnake.nn.segments import segment_mean
from mdsnake.nn.so3 import exp, log
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


def ones(x: Tensor) -> Tensor:
    return torch.ones_like(x[:, 0, 0])


def test_each_sample_is_superposed_where_it_was_brought() -> None:
    batch, x, turns = toy_batch(6, 12), coords(6, 12), some_turns(2)
    there = x @ turns[batch.batch] + torch.tensor([[10.0, 0.0, 0.0], [0.0, -5.0, 3.0]])[batch.batch, None]
    torch.testing.assert_close(superposed(x, there, ones(x), batch), there, rtol=0, atol=1e-6)


def test_superposing_turns_to_the_least_squares_and_by_weight() -> None:
    batch, x = toy_batch(12), coords(12)
    generator = Generator().manual_seed(2)
    onto = x @ some_turns(1)[0] + 0.5 * torch.randn(x.shape, generator=generator, dtype=torch.float64)
    weight = torch.rand(12, generator=generator, dtype=torch.float64)
    for w in (torch.ones_like(weight), weight):
        found = superposed(x, onto, w, batch)
        middle = (w[:, None] * found[:, 1]).sum(0) / w.sum()
        torch.testing.assert_close(middle, (w[:, None] * onto[:, 1]).sum(0) / w.sum())
        least = (w[:, None, None] * (found - onto).square()).sum()
        for turn in exp(0.01 * torch.randn(20, 3, generator=generator, dtype=torch.float64)):
            worse = (found - middle) @ turn + middle
            assert (w[:, None, None] * (worse - onto).square()).sum() > least


def test_what_is_certain_decides_where_a_shape_lies() -> None:
    batch, x = toy_batch(12), coords(12)
    onto = coords(12).flip(0) + 20.0
    onto[2:5] = x[2:5] @ some_turns(1)[0]
    weight = torch.full((12,), 1e-6, dtype=torch.float64)
    weight[2:5] = 1
    torch.testing.assert_close(superposed(x, onto, weight, batch), x @ some_turns(1)[0], rtol=0, atol=1e-3)


def test_what_lies_further_off_than_its_noise_is_doubted() -> None:
    batch, x = toy_batch(300, 12, 12), coords(300, 12, 12)
    variance = torch.full((324,), 0.2, dtype=torch.float64)
    seen = x + 0.2**0.5 * torch.randn(x.shape, generator=Generator().manual_seed(2), dtype=torch.float64)
    seen[300:312] += 2.0
    found = doubt(x, seen, variance, batch)
    assert float(found[0]) == pytest.approx(1, abs=0.1)
    assert float(found[1]) == pytest.approx(1 + 4 / 0.2, rel=0.2)
    assert doubt(x, x, variance, batch).tolist() == [1, 1, 1]


def test_frames_are_superposed_by_their_rotations_as_well() -> None:
    """As the noise of both tells: least squares, and nearer to the truth than by places alone."""
    model, batch, generator = toy_model("frames"), toy_batch(*[40] * 60), Generator().manual_seed(2)
    assert isinstance(model, FramesModel)
    count, spread, angle = len(batch.index), 1.0, 0.2
    shape = model.centred(model.encode(batch.coords).double(), batch, none_fixed(batch))
    true = some_turns(60)[batch.batch].mT @ shape
    turned = true[..., :3] @ exp(angle * torch.randn(count, 3, generator=generator, dtype=torch.float64))
    places = true[..., 3] + spread * torch.randn(count, 3, generator=generator, dtype=torch.float64)
    seen = model.centred(torch.cat([turned, places[..., None]], dim=-1), batch, none_fixed(batch))
    place, turn = (torch.full((count,), one**2, dtype=torch.float64) for one in (spread, angle))

    def off(found: Tensor, seen: Tensor) -> Tensor:
        square = (found - seen).square() / torch.tensor([2 * angle**2] * 3 + [spread**2])
        return segment_mean(square.sum((1, 2)), batch.batch, 60)

    def at(place: Tensor, turn: Tensor) -> Tensor:
        return model.superposed_frames(model.decode(shape) / FRAMES_SCALE, seen, place, turn, batch)

    both = at(place, turn)
    for small in exp(0.03 * torch.randn(10, 60, 3, generator=generator, dtype=torch.float64)):
        assert (off(small[batch.batch] @ both, seen) > off(both, seen)).all()
    by_places, by_rotations = at(place, 1e6 * turn), at(1e6 * place, turn)
    errors = [float((found[..., :3] - true[..., :3]).square().mean()) for found in (both, by_places, by_rotations)]
    assert errors[0] < 0.8 * min(errors[1:]), errors


def test_nothing_is_superposed_by_a_reflection() -> None:
    batch, x = toy_batch(6), coords(6)
    found = superposed(x, -x, ones(x), batch)
    det = torch.linalg.det((x - x[:, 1].mean(0)).view(-1, 3).pinverse() @ (found - found[:, 1].mean(0)).view(-1, 3))
    assert float(det) == pytest.approx(1)


def test_the_rotation_that_superposes_has_no_gradient() -> None:
    """What a turn of the shape would change is taken back by the superposition: its gradient is that of a fixed one."""
    batch, x = toy_batch(6), coords(6).requires_grad_()
    onto = coords(6).flip(0)
    (slope,) = torch.autograd.grad((superposed(x, onto, ones(x), batch) - onto).square().sum(), x)
    centred = onto - onto[:, 1].mean(0)
    turn = (x - x[:, 1].mean(0)).detach().view(-1, 3).pinverse() @ (
        superposed(x, onto, ones(x), batch).detach() - onto[:, 1].mean(0)
    ).view(-1, 3)
    fixed = x - x[:, 1].mean(0)
    (expected,) = torch.autograd.grad((fixed @ turn - centred).square().sum(), x)
    torch.testing.assert_close(slope, expected, rtol=0, atol=1e-6)


def sure(model: BackboneModel, shape: Tensor, monkeypatch: pytest.MonkeyPatch, moves: float = 1.0) -> None:
    """The network knows N, CA and C of the state, and is sure of them; the layers of frames after it move nothing but
    what it is not sure of."""
    if isinstance(model, CartesianModel):
        told = (torch.zeros_like(shape), shape, torch.ones(len(shape), 1, 1), torch.zeros(len(shape), 1))
        monkeypatch.setattr(model, "network_output", lambda *given: told)
    else:
        assert isinstance(model, FramesModel)
        atoms = torch.einsum("nij,aj->nai", shape[..., :3], ideal_atoms() / FRAMES_SCALE)
        atoms[:, 1] = shape[..., 3]
        monkeypatch.setattr(model.shape, "forward", lambda h: atoms.flatten(1))
        monkeypatch.setattr(model.sure, "forward", lambda h: torch.full((len(shape), 2), 30.0))
        for number, layer in enumerate(model.layers):
            move = moves if number >= len(model.layers) // 2 else 0.0
            monkeypatch.setattr(
                layer,
                "forward",
                lambda h, *rest, move=move: (h, h.new_full((*h.shape[:2], 6), move), h.new_zeros(*h.shape[:2], 2)),
            )


@pytest.mark.parametrize("kind", ["cartesian", "frames"])
def test_a_shape_that_a_model_is_sure_of_lies_where_the_noised_one_does(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    shape = model.centred(model.encode(batch.coords), batch, none_fixed(batch))
    sure(model, shape, monkeypatch)
    turned = model.encode(batch.coords @ some_turns(2).float()[batch.batch])
    turned = model.centred(turned, batch, none_fixed(batch))
    t = torch.tensor([5, 7])
    seen = model.noised(turned, t[batch.batch], torch.zeros(18, *model.noise_shape))
    torch.testing.assert_close(model.answer(seen, t, batch, none_fixed(batch)).clean, turned, rtol=0, atol=2e-3)


@pytest.mark.parametrize("kind", ["cartesian", "frames"])
def test_a_shape_is_not_believed_where_what_is_seen_is_another(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With little noise, that is; with much, it may be right."""
    model, batch = toy_model(kind), toy_batch(12, 12)
    shape = model.centred(model.encode(batch.coords), batch, none_fixed(batch))
    sure(model, shape.roll(12, 0), monkeypatch, moves=0.0)  # of the other chain
    apart = []
    for step in (1, 45):
        t = torch.tensor([step, step])
        seen = model.noised(shape, t[batch.batch], torch.zeros(24, *model.noise_shape))
        found = model.decode(model.answer(seen, t, batch, none_fixed(batch)).clean)
        apart.append(float((found - model.decode(shape)).square().mean().sqrt()))
    assert apart[0] < 0.3
    assert apart[1] > 2


@pytest.mark.parametrize("kind", ["cartesian", "frames"])
def test_a_shape_that_a_model_is_sure_of_lies_on_a_motif(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much noise the rest of the chain has."""
    model, batch = toy_model(kind), toy_batch(6, 12)
    sure(model, model.encode(batch.coords @ some_turns(2).float()[batch.batch] + 7.0), monkeypatch)
    fixed = none_fixed(batch)
    fixed[[1, 2, 3, 8, 9, 10]] = True
    true = model.centred(model.encode(batch.coords), batch, fixed)
    noise = torch.randn(18, *model.noise_shape, generator=Generator().manual_seed(4))
    state = torch.where(fixed[:, None, None], true, model.noised(true, torch.full((18,), 49), noise))
    found = model.answer(model.centred(state, batch, fixed), torch.tensor([49, 49]), batch, fixed).clean
    torch.testing.assert_close(model.decode(found), model.decode(true), rtol=0, atol=1.0)
    assert float((model.decode(state) - model.decode(true))[~fixed].abs().mean()) > 2


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
