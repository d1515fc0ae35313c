"""A model that learned steps of known density, trained as all are, tells that density."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import Generator
from torch_geometric.data import Batch

from mdsnake.families.trajbert.data import collate
from mdsnake.families.trajbert.density import density
from mdsnake.families.trajbert.model import TrajbertModel
from tests.families.trajbert.toys import ABOUT, network

FRAMES = 12
#: Of the next frame: what is kept of this one, and the Cholesky factor of the covariance about it.
KEPT, FACTOR = 0.7, torch.tensor([[0.30, 0.0], [0.05, 0.08]])


def steps(windows: int, seed: int) -> Batch:
    """Windows of walkers that forget where they were, at equilibrium."""
    generator = Generator().manual_seed(seed)
    noise = torch.randn((windows, FRAMES + 1, 2), generator=generator) @ FACTOR.T
    x = [noise[:, 0] / math.sqrt(1 - KEPT**2)]
    for frame in range(1, FRAMES + 1):
        x.append(KEPT * x[-1] + noise[:, frame])
    path = torch.stack(x, 1)
    state = torch.full((windows * FRAMES,), -1)
    return collate(path[:, :-1].flatten(0, 1), path[:, 1:].flatten(0, 1), state, [FRAMES] * windows)


@pytest.fixture(scope="module")
def trained() -> TrajbertModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = TrajbertModel(network(), ABOUT)
    data = steps(2000, seed=0)
    model.standardise(data.positions, data.next - data.positions)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=300)
    for step in range(300):
        optimizer.zero_grad()
        model.loss(steps(64, seed=step + 1), Generator())["loss"].backward()
        optimizer.step()
        schedule.step()
    return model.eval()


@pytest.fixture(scope="module")
def held_out() -> Batch:
    return steps(400, seed=1000)


@torch.no_grad()
def test_the_density_of_a_step_is_the_true_one(trained: TrajbertModel, held_out: Batch) -> None:
    """On average over held-out frames, in nats."""
    away = torch.linalg.solve_triangular(FACTOR, (held_out.next - KEPT * held_out.positions).T, upper=False)
    truth = -0.5 * away.square().sum(0) - math.log(2 * math.pi) - FACTOR.diagonal().log().sum()
    found = -trained.loss(held_out, Generator())["trajectory"] - trained.step.log().sum()
    assert -0.02 < found - truth.mean() < 0.005


@torch.no_grad()
def test_a_step_lies_anywhere_in_its_density_alike(trained: TrajbertModel, held_out: Batch) -> None:
    told = density(trained(held_out)["next"], trained.network.components, trained.network.covariance)
    target = ((held_out.next - held_out.positions) / trained.step)[:, None]
    width = torch.stack([told.diagonal[..., 0], torch.hypot(told.below, told.diagonal[..., 1])], -1)
    below = (told.weights.exp()[..., None] * torch.special.ndtr((target - told.means) / width)).sum(1)
    for axis in (0, 1):
        assert kstest(below[:, axis].numpy(), "uniform").pvalue > 1e-4


def test_draws_have_the_true_covariance(trained: TrajbertModel, held_out: Batch) -> None:
    drawn = trained.sample(held_out, Generator().manual_seed(0), how="sampled")["next"] - KEPT * held_out.positions
    wide = FACTOR.norm(dim=1).numpy()
    np.testing.assert_allclose(np.cov(drawn.T), FACTOR @ FACTOR.T, atol=0.06 * wide[0] ** 2)
    np.testing.assert_allclose(drawn.std(0), wide, rtol=0.06)
