import pytest
import torch

from mdsnake.families.trajbert.attention import attention
from tests.families.trajbert.toys import toy_model, walkers

X = torch.tensor(walkers(), dtype=torch.float32)[:3, :10]


@pytest.mark.parametrize("mode", ["causal", "bidirectional"])
def test_maps_are_shares_of_attention(mode: str) -> None:
    maps = attention(toy_model(mode), X)
    assert maps.shape == (2, 3, 2, 10, 10)
    torch.testing.assert_close(maps.sum(-1), torch.ones(2, 3, 2, 10))
    assert (maps.triu(1) == 0).all() == (mode == "causal")
    assert (maps.tril() > 0).any(-1).all()


@pytest.mark.parametrize("at", [0, 1])
def test_maps_are_what_the_model_uses(at: int) -> None:
    """A layer's values, averaged by its maps, are what comes out of its attention."""
    model, seen = toy_model("bidirectional"), {}
    layer = model.encoder.layer[at].attention
    with torch.no_grad():
        for each in model.encoder.layer:  # else all maps are nearly even
            each.attention.self.query.weight.mul_(20)
        layer.self.register_forward_hook(lambda module, inputs, out: seen.update(inputs=inputs[0], out=out[0]))
        model.encode(X)
        value = layer.self.value(seen["inputs"]).unflatten(-1, (2, 4)).transpose(1, 2)
    maps = attention(model, X)
    mixed = (maps[at] @ value).transpose(1, 2).flatten(2)
    torch.testing.assert_close(mixed, seen["out"], rtol=1e-4, atol=1e-6)
    assert not torch.allclose((maps[1 - at] @ value).transpose(1, 2).flatten(2), mixed, atol=1e-2)


def test_a_model_encodes_as_before_after_its_maps_were_taken() -> None:
    model = toy_model()
    with torch.no_grad():
        before = model.encode(X)
        attention(model, X)
        assert torch.equal(model.encode(X), before)
    assert not any(module._forward_hooks for module in model.modules())
