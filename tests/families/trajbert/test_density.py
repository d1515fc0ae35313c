import math

import pytest
import torch
from torch import Generator, Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from mdsnake.families.trajbert.density import density, outputs

SCALE_TRIL = torch.tensor([[[0.5, 0.0], [0.4, 0.3]], [[0.2, 0.0], [-0.3, 0.7]]], dtype=torch.float64)
TRUTH = MixtureSameFamily(
    Categorical(torch.tensor([0.7, 0.3], dtype=torch.float64)),
    MultivariateNormal(torch.tensor([[-0.8, 0.2], [1.0, -0.5]], dtype=torch.float64), scale_tril=SCALE_TRIL),
)


@pytest.fixture(scope="module")
def data() -> Tensor:
    """Points of a density that two Gaussians describe exactly."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return TRUTH.sample((20_000,))


@pytest.fixture(scope="module")
def fitted(data: Tensor) -> Tensor:
    """The numbers that make these points most likely."""
    raw = torch.randn(outputs(2, "full"), generator=Generator().manual_seed(1), dtype=torch.float64).requires_grad_()
    optimizer = torch.optim.LBFGS([raw], lr=0.5, max_iter=150, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = -density(raw, 2, "full").log_density(data).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return raw.detach()


def kolmogorov_smirnov(first: Tensor, second: Tensor) -> float:
    """Largest distance between the distribution functions of as many numbers each."""
    signs = torch.cat([torch.ones_like(first), -torch.ones_like(second)])[torch.cat([first, second]).argsort()]
    return float(signs.cumsum(0).abs().max() / len(first))


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_the_density_is_that_of_the_library(covariance: str) -> None:
    raw = torch.randn(5, outputs(3, covariance), generator=Generator().manual_seed(0), dtype=torch.float64)
    told = density(raw, 3, covariance)
    factor = torch.diag_embed(told.diagonal)
    factor[..., 1, 0] = told.below
    library = MixtureSameFamily(Categorical(logits=told.weights), MultivariateNormal(told.means, scale_tril=factor))
    x = torch.randn(5, 2, generator=Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(told.log_density(x), library.log_prob(x))
    torch.testing.assert_close(told.mean(), library.mean)
    assert (told.below == 0).all() == (covariance == "diagonal")


def test_a_density_that_fits_exactly_is_as_sure_as_the_truth(data: Tensor, fitted: Tensor) -> None:
    gain = (density(fitted, 2, "full").log_density(data) - TRUTH.log_prob(data)).mean()
    assert 0 <= float(gain) < 11 / len(data)  # the most likely eleven numbers gain 11/2n on average


def test_a_density_that_fits_exactly_is_calibrated(data: Tensor, fitted: Tensor) -> None:
    """The share of the data less likely than what is drawn is uniform: the limit is passed in one of 1000 cases."""
    told = density(fitted.expand(len(data), -1), 2, "full")
    drawn, limit = told.draw(Generator().manual_seed(2)), 1.95 * math.sqrt(2 / len(data))
    assert kolmogorov_smirnov(told.log_density(drawn), told.log_density(data)) < limit
    for axis in (0, 1):
        assert kolmogorov_smirnov(drawn[:, axis], data[:, axis]) < limit


def test_draws_have_the_moments_of_the_density() -> None:
    raw = torch.randn(outputs(3, "full"), generator=Generator().manual_seed(3), dtype=torch.float64)
    n = 200_000
    told = density(raw.expand(n, -1), 3, "full")
    drawn = told.draw(Generator().manual_seed(0))
    factor = torch.diag_embed(told.diagonal[0])
    factor[:, 1, 0] = told.below[0]
    library = MultivariateNormal(told.means[0], scale_tril=factor)
    weights = told.weights[0].exp()
    mean = weights @ library.mean
    squares = library.covariance_matrix + library.mean[:, :, None] * library.mean[:, None]
    covariance = (weights[:, None, None] * squares).sum(0) - mean[:, None] * mean
    torch.testing.assert_close(drawn.mean(0), mean, atol=5 * float(covariance.diagonal().max() / n) ** 0.5, rtol=0)
    torch.testing.assert_close(drawn.T.cov(), covariance, atol=0.05, rtol=0.02)


def test_a_network_that_says_nothing_predicts_one_unit() -> None:
    told = density(torch.zeros(12), 2, "full")
    assert told.log_density(torch.zeros(2)).item() == pytest.approx(-math.log(2 * math.pi), abs=0.03)
