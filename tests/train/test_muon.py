import copy

import pytest
import torch
from torch import nn

from mdsnake.train.muon import Muon, orthogonalised


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.wide, self.tall = nn.Embedding(4, 6), nn.Linear(6, 12), nn.Linear(12, 3)
        self.frozen = nn.Linear(3, 3).requires_grad_(False)

    def forward(self) -> torch.Tensor:
        return self.frozen(self.tall(torch.tanh(self.wide(self.table.weight)))).square().sum()


def steps(net: Net, optimiser: Muon, count: int) -> None:
    for _ in range(count):
        optimiser.zero_grad()
        net().backward()
        optimiser.step()


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net()


def test_matrices_step_as_in_torch_and_all_else_as_in_adamw(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)  # in which torch iterates
    twin, before = copy.deepcopy(net), copy.deepcopy(net)
    matrices = [twin.wide.weight, twin.tall.weight]
    others = [twin.table.weight, twin.wide.bias, twin.tall.bias]
    ours = Muon(net, lr=0.01, weight_decay=0.1)
    theirs = [
        torch.optim.Muon(matrices, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=0.01, weight_decay=0.1),
    ]
    for _ in range(4):
        for p, q in zip(net.parameters(), twin.parameters(), strict=True):
            p.grad = q.grad = torch.randn(p.shape) if p.requires_grad else None
        for optimiser in (ours, *theirs):
            optimiser.step()
    for (name, found), wanted, start in zip(
        net.named_parameters(), twin.parameters(), before.parameters(), strict=True
    ):
        moved = (wanted - start).norm()
        assert (moved > 0) == (not name.startswith("frozen"))
        assert (found - wanted).norm() <= 1e-5 * moved, name


@pytest.mark.parametrize("shape", [(5, 8, 8), (2, 6, 30), (2, 30, 6), (1, 1, 9)])
def test_directions_of_a_matrix_become_equally_long_and_stay_where_they_are(shape: tuple[int, ...]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, s, v = torch.linalg.svd(matrices, full_matrices=False)
    found = u.mT @ orthogonalised(matrices) @ v.mT
    lengths = found.diagonal(dim1=1, dim2=2)
    large = s > 0.05 * s.amax(dim=1, keepdim=True)
    assert ((lengths > 0.65) & (lengths < 1.25))[large].all()
    torch.testing.assert_close(found, torch.diag_embed(lengths), atol=1e-4, rtol=0)


def test_it_goes_on_from_its_state_to_the_bit(net: Net) -> None:
    optimiser = Muon(net, lr=0.01, weight_decay=0.0)
    steps(net, optimiser, 2)
    twin = copy.deepcopy(net)
    resumed = Muon(twin, lr=0.5, weight_decay=0.5)
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    steps(net, optimiser, 2)
    steps(twin, resumed, 2)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), twin.parameters(), strict=True))


def test_a_closure_gives_the_loss_and_the_gradients(net: Net) -> None:
    optimiser, before = Muon(net, lr=0.01, weight_decay=0.0), net().item()

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = net()
        loss.backward()
        return loss

    losses = [optimiser.step(closure).item() for _ in range(20)]
    assert losses[0] == before
    assert losses[-1] < 0.5 * before
