"""What the network of points is told of a residue's neighbours, and how its answer gives way to bonds."""

import pytest
import torch
from torch import Generator

from mdsnake.families.backbone.cartesian import SCALE, SIDE, CartesianModel, beside
from mdsnake.families.backbone.model import none_fixed
from mdsnake.nn.rigid import rotations_of
from mdsnake.nn.rotations import random_rotations
from tests.families.backbone.toys import HELIX, STRAND, chain, stretch, toy_batch, toy_model


def test_a_residue_sees_its_neighbours_from_its_own_frame() -> None:
    batch = toy_batch(6, 12)
    x = batch.coords / SCALE
    found = beside(x, rotations_of(x), batch)
    turn = random_rotations(1, Generator().manual_seed(0))[0]
    moved = x @ turn.T + 3
    torch.testing.assert_close(beside(moved, rotations_of(moved), batch), found, rtol=0, atol=1e-4)
    assert not torch.allclose(beside(-x, rotations_of(-x), batch), found, atol=0.01)
    seen = found.view(18, 2 * SIDE + 1, 3, 3)
    torch.testing.assert_close(seen[6 + SIDE], seen[6 + SIDE + 1], rtol=0, atol=1e-3)  # a strand is the same all along
    torch.testing.assert_close(seen[0, SIDE + 1].norm(dim=-1)[1], torch.tensor(0.38), rtol=0, atol=0.002)


def test_there_is_nothing_beyond_the_ends_of_a_chain() -> None:
    batch = toy_batch(3, 4)
    seen = beside(batch.coords, rotations_of(batch.coords), batch).view(7, 2 * SIDE + 1, 3, 3)
    there = seen.abs().amax((2, 3)) > 0
    for row, (index, length) in enumerate([(0, 3), (1, 3), (2, 3), (0, 4), (1, 4), (2, 4), (3, 4)]):
        assert there[row].tolist() == [0 <= index + way < length for way in range(-SIDE, SIDE + 1)]


@pytest.mark.parametrize("phi_psi", [HELIX, STRAND])
def test_an_answer_gives_way_to_its_bonds(phi_psi: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as it is asked to, and not at all where it is not."""
    model, batch = toy_model("cartesian"), toy_batch(12)
    assert isinstance(model, CartesianModel)
    clean = chain(12, phi_psi)
    coords = clean - clean[:, 1].mean(0) + 0.2 * torch.randn(12, 3, 3, generator=Generator().manual_seed(0))
    strain = []
    for ease in (0.0, 1.0):
        none = torch.zeros(12, 3, 3)
        told = (none, none, torch.zeros(12, 1, 1), torch.full((12, 1), ease))
        monkeypatch.setattr(model, "network_output", lambda *given, told=told: told)
        state = model.centred(coords / SCALE, batch, none_fixed(batch))
        found = model.decode(model.answer(state, torch.tensor([1]), batch, none_fixed(batch)).clean)
        strain.append(stretch(found))
    assert 0 < strain[1] < 0.3 * strain[0]


def test_bonds_move_no_residue_of_a_motif(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = toy_model("cartesian"), toy_batch(6, 12)
    assert isinstance(model, CartesianModel)
    fixed, told = none_fixed(batch), []
    fixed[2:4] = True
    network = model.network_output
    monkeypatch.setattr(model, "network_output", lambda *given: told.append(given[1]) or network(*given))
    state = torch.randn(18, 3, 3, generator=Generator().manual_seed(0))
    model.answer(model.centred(state, batch, fixed), torch.tensor([25, 25]), batch, fixed)
    assert float(told[0][fixed].abs().max()) < 1e-5
    assert float(told[0][~fixed].abs().amin((1, 2)).min()) > 1e-5
