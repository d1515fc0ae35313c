import pytest
import torch

from mdsnake.nn.mlp import mlp
from mdsnake.nn.radial import RadialBasis, cosine_cutoff


def test_a_gaussian_is_one_at_its_centre_and_as_wide_as_the_grid() -> None:
    basis = RadialBasis(5, 1.0)
    distance = -basis.decay * torch.log(basis.centres[1])
    assert basis(distance).tolist() == pytest.approx(
        [2.718281828 ** (-0.5 * n * n) for n in (-1, 0, 1, 2, 3)], rel=1e-4
    )
    assert basis(torch.zeros(2, 3)).shape == (2, 3, 5)
    assert basis.state_dict() == {}


def test_the_grid_is_dense_where_atoms_are_bonded_and_reaches_the_cutoff() -> None:
    for cutoff in (1.0, 5.0):
        centres = -RadialBasis(16, cutoff).decay * torch.log(RadialBasis(16, cutoff).centres)
        gaps = centres.diff()
        assert (gaps.diff() > 0).all()
        assert float(gaps[0]) < 0.02 * cutoff
        assert float(centres[-1]) == pytest.approx(cutoff, rel=1e-5)


def test_the_cutoff_is_smooth_and_ends() -> None:
    distance = torch.tensor([0.0, 0.5, 1.0, 1.5], requires_grad=True)
    value = cosine_cutoff(distance, 1.0)
    assert value.tolist() == pytest.approx([1, 0.5, 0, 0], abs=1e-7)
    slope = torch.autograd.grad(value.sum(), distance)[0]
    assert slope[[0, 2, 3]].tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    assert slope[1] < -1


def test_an_mlp_is_linear_after_its_last_layer() -> None:
    network = mlp(3, 8, 2)
    assert [type(layer).__name__ for layer in network] == ["Linear", "SiLU", "Linear"]
    assert network(torch.zeros(5, 3)).shape == (5, 2)
