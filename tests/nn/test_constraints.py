import numpy as np
import pytest
import torch

from mdsnake.nn.constraints import rattle, shake
from tests.families.kstep.toys import RIGID, toy_potential
from tests.toys import toy_graph


@pytest.mark.parametrize("formula", ["H2O", "CH3OH", "C2H6"])
def test_rigid_bonds_are_held_as_openmm_holds_them(formula: str) -> None:
    potential, rng = toy_potential(formula, RIGID), np.random.default_rng(0)
    start = np.array(toy_graph(formula).positions)
    moved = start + 2e-3 * rng.standard_normal(start.shape)
    v = rng.standard_normal(start.shape)
    bonds, lengths = torch.tensor(potential.constraints.T), torch.tensor(potential.constraint_lengths)
    inverse = torch.tensor(1 / potential.masses)
    x = shake(torch.tensor(moved), torch.tensor(start), bonds, lengths, inverse)
    np.testing.assert_allclose(x, potential.project_positions(moved, start), atol=1e-6)
    np.testing.assert_allclose((x[bonds[0]] - x[bonds[1]]).norm(dim=-1), lengths, atol=1e-6)
    held = rattle(torch.tensor(v), torch.tensor(start), bonds, inverse)
    np.testing.assert_allclose(held, potential.project_velocities(start, v), atol=1e-4)
    mass = potential.masses[:, None]
    np.testing.assert_allclose((mass * held.numpy()).sum(0), (mass * v).sum(0), atol=1e-12)
    np.testing.assert_allclose((mass * x.numpy()).sum(0), (mass * moved).sum(0), atol=1e-12)


def test_without_rigid_bonds_nothing_changes() -> None:
    x, none = torch.rand(4, 3), torch.zeros(2, 0, dtype=torch.long)
    assert torch.equal(shake(x, x, none, torch.zeros(0), torch.ones(4)), x)
    assert torch.equal(rattle(x, x, none, torch.ones(4)), x)
