import pytest
import torch
from torch import Generator

from mdsnake.nn.rotations import random_rotations


def test_rotations_are_proper() -> None:
    turns = random_rotations(1000, Generator().manual_seed(0)).double()
    unit = torch.eye(3, dtype=torch.float64).expand(1000, 3, 3)
    torch.testing.assert_close(turns @ turns.transpose(1, 2), unit, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(1000, dtype=torch.float64), atol=1e-5, rtol=0)


def test_rotations_are_uniform() -> None:
    n = 20_000
    turns = random_rotations(n, Generator().manual_seed(1))
    standard_error = (3 * n) ** -0.5  # an entry of a uniform rotation has mean 0 and variance 1/3
    assert turns.mean(0).abs().max() < 5 * standard_error
    angle = torch.arccos(((turns.diagonal(dim1=1, dim2=2).sum(1) - 1) / 2).clamp(-1, 1))
    assert float(angle.mean()) == pytest.approx(torch.pi / 2 + 2 / torch.pi, abs=0.02)  # density (1 − cos θ)/π


def test_the_generator_decides() -> None:
    first, second, third = (random_rotations(4, Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, second)
    assert not torch.allclose(first, third)
