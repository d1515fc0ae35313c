import pytest
import torch
from torch import Generator, Tensor

from mdsnake.errors import UserError
from mdsnake.families.trajbert.data import collate
from mdsnake.families.trajbert.generate import generate
from mdsnake.families.trajbert.model import TrajbertModel
from tests.families.trajbert.toys import MEMBERS, toy_model, walkers

PROMPT = torch.tensor(walkers(), dtype=torch.float32)[:3, :8]


def naive(model: TrajbertModel, prompt: Tensor, frames: int, how: str, generator: Generator, slide: int = 1) -> Tensor:
    """Each walker's window handed whole to the model, every frame anew."""
    window, told = list(prompt.unbind(1)), []
    for _ in range(frames):
        if len(window) == prompt.shape[1] + slide:
            window = window[slide:]
        x = torch.stack(window, 1)
        none = torch.zeros(x.shape[:2].numel(), dtype=torch.long)
        batch = collate(x.flatten(0, 1), x.flatten(0, 1), none, [x.shape[1]] * len(x))
        last = model(batch)["next"].unflatten(0, x.shape[:2])[:, -1]
        window.append(model.ahead(window[-1], last, how, generator))
        told.append(window[-1])
    return torch.stack(told, 1)


@pytest.mark.parametrize("slide", [1, 3, 5])
@pytest.mark.parametrize(("mode", "head"), MEMBERS)
def test_generation_is_the_naive_loop(mode: str, head: str, slide: int) -> None:
    model = toy_model(mode, head)
    for how in model.network.hows:
        found = generate(model, PROMPT, 14, how, Generator().manual_seed(0), slide)
        with torch.no_grad():
            expected = naive(model, PROMPT, 14, how, Generator().manual_seed(0), slide)
        assert found.shape == (3, 14, 2)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("slide", [1, 3])
def test_pieces_make_the_whole(slide: int) -> None:
    model, generator = toy_model(), Generator().manual_seed(0)
    whole = generate(model, PROMPT, 12, "sampled", Generator().manual_seed(0), slide)
    first = generate(model, PROMPT, 6, "sampled", generator, slide)
    second = generate(model, torch.cat([PROMPT, first], 1)[:, -8:], 6, "sampled", generator, slide)
    torch.testing.assert_close(torch.cat([first, second], 1), whole, rtol=1e-4, atol=1e-5)


def test_a_deterministic_trajectory_does_not_depend_on_the_seed() -> None:
    model = toy_model()
    told = [generate(model, PROMPT, 5, "deterministic", Generator().manual_seed(seed)) for seed in (0, 1)]
    assert torch.equal(*told)
    drawn = [generate(model, PROMPT, 5, "sampled", Generator().manual_seed(seed)) for seed in (0, 1)]
    assert not torch.equal(*drawn)


def test_what_the_model_cannot_do_is_refused() -> None:
    with pytest.raises(UserError, match=r"rollout: prompt \+ slide - 1 is 13, the model has seen windows of 12 frames"):
        generate(toy_model(), PROMPT, 5, "sampled", Generator(), slide=6)
    with pytest.raises(UserError, match="rollout: the head 'mse' has no density to draw from; take `deterministic`"):
        generate(toy_model(head="mse"), PROMPT, 5, "sampled", Generator())
