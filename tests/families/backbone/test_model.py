"""How structures are noised, told and stepped back, by both members."""

import pytest
import torch
from torch import Generator, Tensor
from torch_geometric.data import Batch

from mdsnake.families.backbone.draws import LONGEST, SHORTEST, Draws, random_segments
from mdsnake.families.backbone.frames import LEVELLED, SCALE, FramesModel
from mdsnake.families.backbone.model import Answer, BackboneModel, none_fixed
from mdsnake.nn.diffusion import grid
from mdsnake.nn.rotations import random_rotations
from tests.families.backbone.toys import chain, stretch, toy_batch, toy_model

KINDS = ("cartesian", "frames")


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_is_the_structure(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    found = model.decode(model.encode(batch.coords))
    torch.testing.assert_close(found, batch.coords, rtol=0, atol=0.01)  # frames know ideal residues alone


@pytest.mark.parametrize("kind", KINDS)
def test_centring_goes_by_what_is_fixed(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    fixed = none_fixed(batch)
    fixed[2:4] = True
    places = model.places(model.centred(model.encode(batch.coords + 5), batch, fixed))
    torch.testing.assert_close(places[2:4].mean(0), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(places[6:].mean(0), torch.zeros(3), rtol=0, atol=1e-5)
    assert float(places[:6].mean(0).norm()) > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_noise_turns_with_the_structure(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    turn = random_rotations(1, Generator().manual_seed(0))[0]
    noise = torch.randn(18, *model.noise_shape, generator=Generator().manual_seed(1))
    t = torch.full((18,), 25)
    before, after = (
        model.decode(model.noised(model.encode(x), t, noise)) for x in (batch.coords, batch.coords @ turn.T)
    )
    torch.testing.assert_close(after, before @ turn.T, rtol=0, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_all_noise_is_the_prior(kind: str) -> None:
    """What is left of the structure at the last step is not told from nothing by the spread of either."""
    model = toy_model(kind)
    noise = torch.randn(2, 3000, *model.noise_shape, generator=Generator().manual_seed(2))
    clean = model.encode(chain(3000))
    last = model.noised(0 * clean + clean[:1], torch.full((3000,), model.timesteps), noise[0])
    prior = model.prior(noise[1])
    for mean in (lambda x: x.mean(0), lambda x: x.square().mean(0)):
        torch.testing.assert_close(mean(last), mean(prior), rtol=0, atol=0.12)


class Knowing:
    """In the place of a network: it always answers the same structure, and notes what it was told."""

    def __init__(self, model: BackboneModel, clean: Tensor) -> None:
        self.clean = clean
        self.told: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        model.denoised = self  # type: ignore[method-assign,assignment]

    def __call__(self, state: Tensor, t: Tensor, batch: Batch, fixed: Tensor, before: Tensor) -> Answer:
        self.told.append((state, t, fixed, before))
        return Answer(self.clean, state.new_zeros(len(state), 3, 3))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1.0, None])
@pytest.mark.parametrize("steps", [None, 7])
def test_the_reverse_process_ends_where_the_answer_is(kind: str, scale: float | None, steps: int | None) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    clean = model.centred(model.encode(batch.coords), batch, none_fixed(batch))
    Knowing(model, clean)
    draws = Draws(batch, Generator().manual_seed(0))
    state = model.centred(model.prior(draws.normal(*model.noise_shape)), batch, none_fixed(batch))
    visited = grid(model.timesteps, steps)
    found = [s for s, _ in model.reverse(state, visited, batch, none_fixed(batch), draws, scale)]
    assert len(found) == len(visited) - 1
    torch.testing.assert_close(found[-1], clean, rtol=0, atol=1e-4)
    assert float((found[0] - clean).abs().mean()) > 2 * float((found[-2] - clean).abs().mean())


@pytest.mark.parametrize("kind", KINDS)
def test_states_on_the_way_back_are_as_noisy_as_on_the_way_there(kind: str) -> None:
    model = toy_model(kind)
    batch = toy_batch(*[16] * 40)
    clean = model.centred(model.encode(batch.coords), batch, none_fixed(batch))
    Knowing(model, clean)
    draws = Draws(batch, Generator().manual_seed(0))
    prior, half = model.prior(draws.normal(*model.noise_shape)), model.timesteps // 2
    steps = model.reverse(prior, grid(model.timesteps), batch, none_fixed(batch), draws)
    state = [s for s, _ in steps][model.timesteps - half - 1]
    there = model.noised(clean, torch.full((len(clean),), half), draws.normal(*model.noise_shape))
    spread = [(x - clean).square().mean((0, 1)).sqrt() for x in (state, model.centred(there, batch, none_fixed(batch)))]
    torch.testing.assert_close(spread[0], spread[1], rtol=0.1, atol=0)


def nearest(ca: Tensor) -> float:
    """Å of CA three or more residues apart."""
    far = (torch.arange(len(ca))[:, None] - torch.arange(len(ca))).abs() >= 3
    return float(torch.cdist(ca, ca)[far].min())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_told_is_restrained_as_far_as_there_is_little_noise(kind: str) -> None:
    """But for what is fixed."""
    model, batch = toy_model(kind), toy_batch(12, 12)
    none = none_fixed(batch)
    coords = batch.coords.clone()
    coords[6:12] += coords[0, 1] - coords[6, 1] + torch.tensor([1.0, 0.0, 0.0])  # the second half lies on the first
    coords[12:] += 0.3 * torch.randn(12, 1, 3, generator=Generator().manual_seed(0))
    clean = model.encode(coords)
    found = model.restrained(clean, 0, batch, none)
    before, after = model.decode(clean), model.decode(found)
    assert nearest(before[:12, 1]) < 2 < 3.4 < nearest(after[:12, 1])
    assert stretch(after[12:]) < 0.2 * stretch(before[12:])
    most, least = ((model.restrained(clean, t, batch, none) - clean).norm() for t in (1, model.timesteps))
    assert least < 0.05 * most
    true = model.encode(batch.coords)
    kept = model.decode(model.restrained(true, 0, batch, none))
    torch.testing.assert_close(kept, model.decode(true), rtol=0, atol=0.02)
    fixed = none_fixed(batch)
    fixed[:6] = True
    held = model.restrained(clean, 0, batch, fixed)
    torch.testing.assert_close(held[:6], clean[:6], rtol=0, atol=1e-6)
    assert not torch.allclose(held[6:12], clean[6:12], atol=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sampler_tells_the_network_its_last_answer(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    clean = model.centred(model.encode(batch.coords), batch, none_fixed(batch))
    spy = Knowing(model, model.shifted(clean, torch.ones(18, 3)))  # off the centre
    model.sample(batch, Generator().manual_seed(0), steps=5)
    first, *others = [before for *_, before in spy.told]
    assert not first.any()
    assert len(others) == 4
    for before in others:
        torch.testing.assert_close(before, clean, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_half_of_the_batches_are_learned_with_a_first_answer(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    spy = Knowing(model, model.encode(batch.coords + 5.0))
    asked = []
    for seed in range(100):
        spy.told.clear()
        model.loss(batch, Generator().manual_seed(seed))
        asked.append(len(spy.told))
        assert not spy.told[0][-1].any()
        if len(spy.told) == 2:
            (state, _, fixed, _), (same, _, _, before) = spy.told
            assert torch.equal(state, same)
            answered = torch.where(fixed[:, None, None], state, spy.clean)
            torch.testing.assert_close(before, model.centred(answered, batch, fixed), rtol=0, atol=1e-5)
            torch.testing.assert_close(model.centred(before, batch, fixed), before, rtol=0, atol=1e-5)
    assert 35 <= asked.count(2) <= 65
    assert asked.count(1) + asked.count(2) == 100


@pytest.mark.parametrize("kind", KINDS)
def test_all_levels_are_learned_and_parts_that_are_told_are_without_noise(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch(*[16] * 50)
    spy = Knowing(model, model.encode(batch.coords))
    model.loss(batch, Generator().manual_seed(0))
    state, t, fixed, _ = spy.told[-1]
    assert t.tolist() == list(range(1, 51))
    clean = model.centred(model.encode(batch.coords), batch, fixed)
    assert 16 < fixed.sum() < 400
    torch.testing.assert_close(state[fixed], clean[fixed], rtol=0, atol=1e-4)
    late = ~fixed & (t[batch.batch] > 25)
    assert float((state - clean)[late].abs().mean()) > 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_one_step_is_worth_more_where_there_is_less_noise(kind: str) -> None:
    model, batch, moved = toy_model(kind), toy_batch(6, 12, 16), toy_batch(6, 12, 16)
    moved.coords += 20.0
    errors = []
    for share in (0.02, 0.9):
        true, told, loss = model.one_step(moved, share, Generator().manual_seed(0))
        torch.testing.assert_close(true, batch.coords, rtol=0, atol=1e-4)
        errors.append(float((told - true).square().mean().sqrt()))
        t = model.step_of(batch, share)[batch.batch]
        again = model.errors(model.encode(told), model.encode(true), t, batch, torch.ones(34))
        torch.testing.assert_close(loss["loss"], again["loss"], rtol=0.05, atol=0)
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_known_shape_counts_by_how_far_it_is_off_wherever_it_lies(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    clean = model.centred(model.encode(batch.coords), batch, none_fixed(batch))
    turn = random_rotations(2, Generator().manual_seed(0))[batch.batch]
    lying = (model.decode(clean) @ turn + 30.0) / model.unit_angstrom
    assert float(model.shape_error(lying, clean, batch)) == pytest.approx(0, abs=2e-3)
    off = lying + 0.5 * torch.randn(lying.shape, generator=Generator().manual_seed(1)) / model.unit_angstrom
    assert float(model.shape_error(off, clean, batch)) == pytest.approx(0.5 * 3**0.5, rel=0.15)
    assert float(model.shape_error(-lying, clean, batch)) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_weight_of_the_shape_is_that_of_the_batch(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    told = []
    for batch.shape_weight in (0.5, 2.0, 0.0):
        told.append(model.loss(batch, Generator().manual_seed(0)))
    assert "shape" not in told[2]
    for parts, weight in zip(told, (0.5, 2.0), strict=False):
        torch.testing.assert_close(parts["loss"], told[2]["loss"] + weight * model.loss_scale * parts["shape"])
    slope = torch.autograd.grad(told[0]["shape"], model.shape.weight, retain_graph=True)[0]
    assert float(slope.norm()) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_a_structure_told_without_error_costs_nothing(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch(6, 12)
    clean = model.centred(model.encode(batch.coords), batch, none_fixed(batch))
    t, weight = torch.full((18,), 5), torch.ones(18)
    assert float(model.errors(clean, clean, t, batch, weight)["loss"]) < 1e-6
    wrong = clean.clone()
    wrong[3] += 0.1
    assert float(model.errors(wrong, clean, t, batch, weight)["loss"]) > 1e-4
    weight[2:5] = 0  # and the bonds of its neighbours
    assert float(model.errors(wrong, clean, t, batch, weight)["loss"]) < 1e-6


def test_the_first_member_is_judged_by_its_v() -> None:
    model, batch = toy_model("cartesian"), toy_batch(6, 12)
    clean, t = model.encode(batch.coords), torch.full((18,), 20)
    level = float(model.level[20])
    parts = model.errors(clean + 0.1, clean, t, batch, torch.ones(18))
    assert float(parts["loss"]) == pytest.approx(0.01 / (1 - level), rel=1e-4)
    assert float(parts["noise"]) == pytest.approx(0.01 * level / (1 - level), rel=1e-4)


def test_the_second_member_is_judged_by_frames_and_bonds() -> None:
    """At the last step, where the weight of all is one."""
    model, batch = toy_model("frames"), toy_batch(12)
    clean, t, weight = model.encode(batch.coords), torch.full((12,), 50), torch.ones(12)
    heavy = 1 / (1 - float(model.level[50]) + LEVELLED)

    def of(found: Tensor) -> list[float]:
        parts = model.errors(found, clean, t, batch, weight)
        return [float(parts[name]) / heavy for name in ("place", "rotation")]

    for off, expected in ((3.0, 9.0), (10.0, 100.0), (20.0, 300.0)):  # Å, and Å²: squared up to 10 Å, then linear
        shift = torch.tensor([off / SCALE, 0.0, 0.0]).expand(12, 3)
        assert of(model.shifted(clean, shift)) == pytest.approx([0.5 * expected, 0.0], rel=1e-4, abs=1e-6)
    half = torch.cat([clean[..., :3] @ torch.diag(torch.tensor([-1.0, -1.0, 1.0])), clean[..., 3:]], dim=-1)
    assert of(half) == pytest.approx([0.0, 8.0], rel=1e-4, abs=1e-6)  # |I − R|² = 4 (1 − cos ω)


def test_far_from_the_answer_a_training_is_told_the_way() -> None:
    model, batch = toy_model("frames"), toy_batch(12)
    clean = model.encode(batch.coords)
    found = torch.cat([clean[..., :3], 20 * clean[..., 3:]], dim=-1).requires_grad_()
    parts = model.errors(found, clean, torch.full((12,), 25), batch, torch.ones(12))
    for name in ("place", "bonds"):
        slope = torch.autograd.grad(parts[name], found, retain_graph=True)[0][..., 3]
        assert (slope.norm(dim=-1) > 0).all(), name


def test_a_bond_counts_where_either_of_its_residues_is_to_be_told() -> None:
    model, batch = toy_model("frames"), toy_batch(2)
    clean, t = model.encode(batch.coords), torch.full((2,), 5)
    found = model.shifted(clean, torch.tensor([[0.1, 0.0, 0.0], [0.0, 0.1, 0.0]]))
    first, second, none = (
        float(model.errors(found, clean, t, batch, torch.tensor(weight))["bonds"])
        for weight in ([1.0, 0.0], [0.0, 1.0], [0.0, 0.0])
    )
    assert first == second > none == 0


def test_draws_belong_to_their_sample() -> None:
    batch, other = toy_batch(6, 12, 9), toy_batch(6, 12, 9)
    other.ptr, other.seed = torch.tensor([0, 12, 18]), torch.tensor([1, 0])
    first, second = Draws(batch, Generator().manual_seed(0)), Draws(other, Generator().manual_seed(0))
    a, b = first.normal(3), second.normal(3)
    torch.testing.assert_close(b, torch.cat([a[6:18], a[:6]]))
    assert first.uniform()[0] == second.uniform()[1]
    assert not torch.equal(Draws(batch, Generator().manual_seed(1)).normal(3), a)


def test_parts_that_are_told_are_segments() -> None:
    batch = toy_batch(*[16] * 200)
    fixed = random_segments(batch, Draws(batch, Generator().manual_seed(0))).view(200, 16)
    told = fixed[fixed.any(1)]
    assert 0.5 * batch.scaffolded < len(told) / 200 < 1.5 * batch.scaffolded
    assert (told.int().diff(dim=1) == 1).sum(1).max() <= 2
    assert (told.sum(1) >= SHORTEST * 16).all()
    assert (told.sum(1) <= 2 * (LONGEST * 16 + 1)).all()
    batch.scaffolded = 0.0
    assert not random_segments(batch, Draws(batch, Generator().manual_seed(0))).any()


def test_rotations_are_noised_as_the_paper_has_it() -> None:
    model = toy_model("frames")
    assert isinstance(model, FramesModel)
    assert float(model.sigma[25]) == pytest.approx(0.895)
    assert float(model.sigma[50]) == pytest.approx(2.02)
    assert float(model.sigma[1]) == pytest.approx(0.0502)


def test_frames_that_are_fixed_stay_where_they_are_in_each_layer() -> None:
    model, batch = toy_model("frames"), toy_batch(6, 12)
    assert isinstance(model, FramesModel)
    fixed, seen = none_fixed(batch), []
    fixed[2:4] = True
    state = model.centred(model.encode(batch.coords), batch, fixed)
    for layer in model.layers:
        layer.register_forward_hook(lambda _, given, __: seen.append(given[2][0]))
    found = model.denoised(state, torch.full((2,), 40), batch, fixed, torch.zeros_like(state)).clean
    for frames in (*seen, found):
        torch.testing.assert_close(frames[2:4], state[2:4], rtol=0, atol=1e-6)
    assert len(seen) == 2
    assert not torch.allclose(found[4:6], state[4:6], atol=0.1)
