from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from mdsnake.errors import UserError
from mdsnake.families.base import Family
from mdsnake.nn.rotations import random_rotations
from tests.families.conformance import CASES, Case, outputs, overfit, relative_error

REFLECTION = torch.diag(torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64))


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def fitted(case: Case) -> tuple[Family, list[float]]:
    """A model that is no longer as it was initialised, and its losses on the way."""
    return overfit(case)


def moves(model: Family) -> list[tuple[Tensor, Tensor]]:
    """Rotations, and reflections where the family promises them, some with a shift."""
    still, shift = torch.zeros(3, dtype=torch.float64), torch.tensor([0.05, -0.1, 0.08], dtype=torch.float64)
    turns = random_rotations(3, Generator().manual_seed(1)).double()
    proper = [(torch.linalg.qr(turn)[0], still) for turn in turns]
    proper = [(turn * torch.linalg.det(turn), still) for turn, _ in proper]
    return proper + [(proper[0][0], shift)] + ([(REFLECTION @ proper[0][0], still)] if model.symmetry == "E3" else [])


def test_outputs_turn_with_the_inputs(case: Case, fitted: tuple[Family, list[float]]) -> None:
    model, batch = fitted[0], case.batch()
    assert model.symmetry in ("E3", "SE3", "none")
    if model.symmetry == "none":
        return
    before = outputs(model, batch)
    for turn, shift in moves(model):
        for name, found in outputs(model, case.moved(batch, turn, shift)).items():
            assert relative_error(found, case.turned(name, before[name], turn)) < case.tolerance, name


def test_the_loss_does_not_depend_on_the_frame(case: Case, fitted: tuple[Family, list[float]]) -> None:
    model, batch = fitted[0], case.batch()
    if model.symmetry == "none":
        return
    before = model.loss(batch, Generator().manual_seed(0))
    turn, shift = moves(model)[-1]
    after = model.loss(case.moved(batch, turn, shift), Generator().manual_seed(0))
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-5)


def test_the_order_of_the_nodes_does_not_matter(case: Case, fitted: tuple[Family, list[float]]) -> None:
    model, batch = fitted[0], case.batch()
    other, order = case.permuted(batch, Generator().manual_seed(2))
    assert not torch.equal(order, torch.arange(len(order)))
    before, after = outputs(model, batch), outputs(model, other)
    for name in before:
        assert relative_error(after[name], before[name][order]) < case.tolerance, name
    losses = [model.loss(x, Generator().manual_seed(0)) for x in (other, batch)]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-3, atol=1e-5)


def test_samples_do_not_see_each_other(case: Case, fitted: tuple[Family, list[float]]) -> None:
    model, batch = fitted[0], case.batch()
    for name in case.inputs:
        batch[name] = batch[name].clone().requires_grad_()
    inside = batch.batch == 1
    predicted = model(batch)
    own = sum(value[inside].square().sum() for value in predicted.values())
    for gradient in torch.autograd.grad(own, [batch[name] for name in case.inputs]):
        assert (gradient[inside] != 0).any()
        assert (gradient[~inside] == 0).all()


def test_every_parameter_gets_gradient(case: Case) -> None:
    model = case.model()
    model.loss(case.batch(), Generator().manual_seed(0))["loss"].backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not (p.grad != 0).any()]
    assert without == []


def test_one_batch_can_be_overfitted(case: Case, fitted: tuple[Family, list[float]]) -> None:
    losses, (_, _, factor) = fitted[1], case.fit
    assert losses[-1] < losses[0] / factor


def test_the_loss_names_its_parts(case: Case) -> None:
    parts = case.model().loss(case.batch(), Generator().manual_seed(0))
    assert set(parts) > {"loss"}
    assert all(part.shape == () and part.isfinite() for part in parts.values())


def test_a_checkpoint_gives_back_the_same_outputs_bitwise(
    case: Case, fitted: tuple[Family, list[float]], tmp_path: Path
) -> None:
    model, batch = fitted[0], case.batch()
    case.save(tmp_path / "model.safetensors", model)
    loaded = case.load(tmp_path / "model.safetensors")
    assert not loaded.training
    before, after = outputs(model.eval(), batch), outputs(loaded, batch)
    assert before.keys() == after.keys()
    for name in before:
        assert torch.equal(before[name], after[name]), name


def test_the_same_seed_gives_the_same_sample(case: Case, fitted: tuple[Family, list[float]]) -> None:
    before, _, after = (outputs(fitted[0], case.batch(), seed) for seed in (3, 4, 3))
    for name in before:
        assert torch.equal(before[name], after[name]), name


def test_a_model_for_something_else_is_refused(case: Case, fitted: tuple[Family, list[float]], tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    for message, ask in case.refused.items():
        with pytest.raises(UserError) as error:
            ask(path, fitted[0])
        told = str(error.value)
        assert told.startswith(f"{path}: ")
        assert message in told
        assert "\n" not in told
