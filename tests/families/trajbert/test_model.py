import pytest
import torch
from torch import Generator

from mdsnake.families.base import n_parameters
from mdsnake.families.trajbert.config import SIZES, LossWeights, Trajbert
from mdsnake.families.trajbert.density import outputs
from mdsnake.families.trajbert.model import TrajbertModel
from tests.families.trajbert.toys import ABOUT, MEMBERS, SYSTEM, network, toy_batch, toy_model

SECTION = Trajbert(systems={"mueller-brown": SYSTEM})


@pytest.mark.parametrize(("size", "count"), [("small", 38_708), ("medium", 474_564), ("large", 2_338_348)])
@pytest.mark.parametrize("mode", ["causal", "bidirectional"])
def test_sizes_have_as_many_parameters_as_published(size: str, count: int, mode: str) -> None:
    assert n_parameters(TrajbertModel(SECTION.network(f"{size}-{mode}-mse"), ABOUT)) == count
    more = (SIZES[size]["width"] + 1) * (outputs(4, "full") - 2)
    assert n_parameters(TrajbertModel(SECTION.network(f"{size}-{mode}-mixture"), ABOUT)) == count + more


def test_parts_of_the_small_model_are_as_published() -> None:
    model = TrajbertModel(SECTION.network("small-bidirectional-mse"), ABOUT)
    parts = [model.inputs, torch.nn.ModuleList([model.positions, model.norm]), model.encoder, model.next_head]
    assert [n_parameters(part) for part in [*parts, model.state_head]] == [48, 16_416, 21_568, 338, 338]


@pytest.mark.parametrize(("mode", "head"), MEMBERS)
def test_a_causal_model_does_not_see_the_future(mode: str, head: str) -> None:
    model, batch = toy_model(mode, head), toy_batch(12, 12)
    batch.positions.requires_grad_()
    told, at = model(batch), 5
    for value in told.values():
        (gradient,) = torch.autograd.grad(value[at].square().sum(), batch.positions, retain_graph=True)
        assert (gradient[: at + 1] != 0).any(1).all()
        assert (gradient[at + 1 : 12] == 0).all() == (mode == "causal")
        assert (gradient[12:] == 0).all()


@pytest.mark.parametrize("mode", ["causal", "bidirectional"])
def test_the_order_of_the_frames_is_told_by_their_places(mode: str) -> None:
    """In a single layer by the table of positions alone: without it the last frame would see a set."""
    model, x = toy_model(mode, layers=1), toy_batch(12).positions[None]
    turned = x[:, [*range(10, -1, -1), 11]]
    with torch.no_grad():
        moved = (model.encode(turned) - model.encode(x))[:, -1].abs().max()
        model.positions.weight.zero_()
        unmoved = (model.encode(turned) - model.encode(x))[:, -1].abs().max()
    assert moved > 100 * unmoved.clamp(min=1e-7)


@pytest.mark.parametrize(("mode", "head"), MEMBERS)
def test_windows_of_other_lengths_in_the_batch_do_not_matter(mode: str, head: str) -> None:
    model = toy_model(mode, head)
    together, alone = model(toy_batch(5, 12, 9)), model(toy_batch(5))
    for name, value in alone.items():
        torch.testing.assert_close(together[name][:5], value, rtol=1e-4, atol=1e-5)


def test_the_original_sees_what_it_is_to_predict_in_all_frames_but_the_last() -> None:
    model, batch = toy_model("bidirectional", "mse"), toy_batch(12)
    batch.positions.requires_grad_()
    for at in range(11):
        (gradient,) = torch.autograd.grad(model(batch)["next"][at].sum(), batch.positions)
        assert (gradient[at + 1] != 0).any()


def test_positions_are_standardised_inside() -> None:
    """A model of a surface moved and stretched, with its own standardisation, tells the same."""
    model, other, batch = toy_model(), toy_model(), toy_batch(12, 12)
    moved = batch.clone()
    moved.positions, moved.next = 3 * batch.positions + 7, 3 * batch.next + 7
    other.mean.mul_(3).add_(7)
    other.deviation.mul_(3)
    other.step.mul_(3)
    before, after = model.loss(batch, Generator()), other.loss(moved, Generator())
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(model(moved)["next"], model(batch)["next"], rtol=1e-2, atol=1e-2)


def test_the_parts_of_the_loss_are_weighted() -> None:
    batch = toy_batch(12, 12)
    model = toy_model("causal", "mse")
    plain = model.loss(batch, Generator())
    model.weights = LossWeights(trajectory=2.0, state=0.5)
    weighted = model.loss(batch, Generator())
    assert weighted["trajectory"] == 2 * plain["trajectory"]
    assert weighted["state"] == 0.5 * plain["state"]
    assert weighted["loss"] == weighted["trajectory"] + weighted["state"]


def test_the_error_is_that_of_the_next_frame_in_units_of_a_step() -> None:
    model, batch = toy_model("causal", "mse"), toy_batch(12, 9)
    found = model.sample(batch, Generator())["next"]
    each = ((found - batch.next) / model.step).square().sum(-1)
    told = model.loss(batch, Generator())
    assert told["trajectory"].item() == pytest.approx(each.mean().item(), rel=1e-4)
    assert told["last"].item() == pytest.approx(each[[11, 20]].mean().item(), rel=1e-4)


def test_frames_without_a_state_do_not_count() -> None:
    model, batch = toy_model(), toy_batch(12, 12)
    batch.state = torch.tensor([0, 1] * 12)
    logits = model(batch)["state"]
    batch.state[:12] = -1
    expected = torch.nn.functional.cross_entropy(logits[12:], batch.state[12:])
    torch.testing.assert_close(model.loss(batch, Generator())["state"], expected)
    batch.state[:] = -1
    assert model.loss(batch, Generator())["state"] == 0


def test_draws_differ_by_seed_and_average_to_the_mean() -> None:
    model, batch = toy_model(head="mixture"), toy_batch(12)
    first, again, other = (
        model.sample(batch, Generator().manual_seed(seed), how="sampled")["next"] for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    generator = Generator().manual_seed(2)
    drawn = torch.stack([model.sample(batch, generator, how="sampled")["next"] for _ in range(400)])
    mean = model.sample(batch, generator, how="deterministic")["next"]
    assert float(((drawn.mean(0) - mean).abs() / (drawn.std(0) / 20)).max()) < 5


def test_the_committor_is_a_probability() -> None:
    state = toy_model().sample(toy_batch(12), Generator())["state"]
    torch.testing.assert_close(state.sum(-1), torch.ones(12))
    assert ((state > 0) & (state < 1)).all()


def test_heads_share_the_width() -> None:
    with pytest.raises(ValueError, match="width must be a multiple of attention_heads"):
        network(attention_heads=3)
