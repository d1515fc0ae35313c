"""Kinetic models of the training walkers, by deeptime: a Markov state model, TICA and a VAMPnet."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from deeptime.decomposition import TICA, VAMP
from deeptime.decomposition.deep import VAMPNet
from deeptime.markov import TransitionCountEstimator
from deeptime.markov.msm import MaximumLikelihoodMSM
from deeptime.util.data import TrajectoriesDataset
from jaxtyping import Float
from torch import nn

from mdsnake.evaluate.surface.density import Bins, free_energy_difference
from mdsnake.families.trajbert.config import System
from mdsnake.physics.surface import SURFACES

#: Lag of all of them, in time: longer than the second slowest process, much shorter than the slowest.
LAG = 0.02
WIDTH, EPOCHS, BATCH = 32, 20, 4096


class MarkovModel(NamedTuple):
    """A model of the two discs and the squares around them.

    Attributes
    ----------
    t2, mfpt_ab : times; no MFPT where a basin was never entered
    free_energy_difference : of disc B less that of disc A
    density : stationary probability of each square, (bins,)
    committor : of each state, ½ where none was seen, (bins + 2,)
    states : how many were seen
    """

    t2: float
    mfpt_ab: float | None
    free_energy_difference: float
    density: Float[np.ndarray, " bins"]
    committor: Float[np.ndarray, " states"]
    states: int


def lag_frames(system: System, frames: int) -> int:
    """`LAG` in frames, of which a walker has so many."""
    return min(max(1, round(LAG / system.record)), frames // 2)


def state_of(x: Float[np.ndarray, "*any 2"], bins: Bins, system: System) -> np.ndarray:
    """The square of each point, or its disc, which come last."""
    basin = SURFACES[system.surface].state(x)
    return np.where(basin >= 0, len(bins.density) + basin, bins.index(x))


def markov_model(x: Float[np.ndarray, "walkers frames 2"], bins: Bins, system: System) -> MarkovModel:
    """Maximum likelihood with detailed balance, on the largest set of states that are connected."""
    place, size = state_of(x, bins, system), len(bins.density) + 2
    lag = lag_frames(system, x.shape[1])
    counted = TransitionCountEstimator(lag, "sliding").fit_fetch(list(place)).submodel_largest()
    model, seen = MaximumLikelihoodMSM().fit_fetch(counted), counted.state_symbols
    stationary, committor, mfpt = np.zeros(size), np.full(size, 0.5), None
    stationary[seen] = model.stationary_distribution
    a, b = ([int(s) for s in np.flatnonzero(seen == size - 2 + basin)] for basin in (0, 1))
    if a and b:
        committor[seen] = model.committor_forward(a, b)
        mfpt = float(model.mfpt(a, b)) * system.record
    weights = stationary / np.maximum(np.bincount(place.ravel(), minlength=size), 1)
    return MarkovModel(
        t2=float(model.timescales(1)[0]) * system.record,
        mfpt_ab=mfpt,
        free_energy_difference=free_energy_difference(place - size + 2, system.kT, weights[place]),
        density=bins.counts(x, weights[place]),
        committor=committor,
        states=len(seen),
    )


def tica(
    x: Float[np.ndarray, "walkers frames 2"], asked: Float[np.ndarray, "*any 2"], system: System
) -> tuple[float, np.ndarray]:
    """Slowest time of linear combinations of x and y, and how far the points `asked` are on the way from A to B by the
    slowest, 0 to 1."""
    lag = lag_frames(system, x.shape[1])
    model = TICA(lagtime=lag, dim=1).fit_fetch(list(x))
    return _slowest(model.timescales(k=1), system), _between(model.transform, asked, system)


def vampnet(
    x: Float[np.ndarray, "walkers frames 2"], asked: Float[np.ndarray, "*any 2"], system: System, seed: int
) -> tuple[float, np.ndarray]:
    """Slowest time of a network's two soft states, and how much of B the points `asked` are."""
    lag = lag_frames(system, x.shape[1])
    scale = x.reshape(-1, 2).std(0)
    data = TrajectoriesDataset.from_numpy(lag, [(one / scale).astype(np.float32) for one in x])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(2, WIDTH), nn.ELU(), nn.Linear(WIDTH, WIDTH), nn.ELU(), nn.Linear(WIDTH, 2), nn.Softmax(1)]
        loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)
        lobe = VAMPNet(nn.Sequential(*layers), learning_rate=5e-3).fit(loader, n_epochs=EPOCHS).fetch_model()

    def soft(points: np.ndarray) -> np.ndarray:
        return np.asarray(lobe.transform((points / scale).astype(np.float32)), dtype=float)[:, :1]

    kinetic = VAMP(lagtime=lag).fit_fetch([soft(one) for one in x])
    return _slowest(kinetic.timescales(k=1), system), _between(soft, asked, system)


def _slowest(frames: np.ndarray, system: System) -> float:
    return float(frames[0]) * system.record if len(frames) else np.nan


def _between(along: Callable[[np.ndarray], np.ndarray], points: np.ndarray, system: System) -> np.ndarray:
    """How far along one coordinate the points (..., 2) are from the minimum of A to that of B, cut at both."""
    a, b = along(SURFACES[system.surface].MINIMA[:2].astype(float))[:, 0]
    return ((along(points.reshape(-1, 2))[:, 0] - a) / (b - a)).clip(0, 1).reshape(points.shape[:-1])
