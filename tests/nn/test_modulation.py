import torch

from mdsnake.nn.modulation import Modulation


def test_a_condition_scales_and_shifts() -> None:
    layer = Modulation(4)
    h, told = torch.randn(5, 4), torch.cat([torch.ones(4), torch.full((4,), 2.0), torch.full((4,), 3.0)]).expand(5, 12)
    x, gate = layer(h, told)
    torch.testing.assert_close(x, 2 * torch.nn.functional.layer_norm(h, (4,)) + 2)
    assert (gate == 3).all()


def test_it_begins_as_a_plain_norm() -> None:
    layer = Modulation(64)
    x, gate = layer(h := torch.randn(5, 64), layer.of(torch.randn(5, 64)))
    torch.testing.assert_close(x, torch.nn.functional.layer_norm(h, (64,)), rtol=0, atol=0.5)
    torch.testing.assert_close(gate, torch.ones(5, 64), rtol=0, atol=0.3)
