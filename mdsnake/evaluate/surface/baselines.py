"""`mdsnake baselines`: methods that learn no propagator of their own, judged on what the models are judged on."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from mdsnake.evaluate.config import BaselineSettings
from mdsnake.evaluate.records import Score, write_records
from mdsnake.evaluate.surface import linear, markov
from mdsnake.evaluate.surface.classification import classified
from mdsnake.evaluate.surface.density import Bins
from mdsnake.evaluate.surface.generation import Times, generation, times
from mdsnake.evaluate.surface.metrics import NONE
from mdsnake.evaluate.surface.next_step import exact_steps
from mdsnake.evaluate.surface.stage import scored, simulated
from mdsnake.evaluate.surface.windows import TestWindows, load_test_windows, opened
from mdsnake.families.trajbert.config import Baseline
from mdsnake.families.trajbert.states import next_basin
from mdsnake.families.trajbert.surface import read_exact
from mdsnake.physics.generator import Exact
from mdsnake.physics.surface import SURFACES
from mdsnake.seeds import integer_seed, seed_sequence
from mdsnake.store.walkers import load_walkers, paths


class Known(NamedTuple):
    """What a baseline may learn from, and what it is asked.

    Attributes
    ----------
    train : positions of the training walkers, (W, F, 2)
    state : basin that they enter next, (W, F)
    test : windows to judge it by
    """

    settings: BaselineSettings
    exact: Exact
    bins: Bins
    beside: Times
    train: Float[np.ndarray, "walkers frames 2"]
    state: np.ndarray
    test: TestWindows
    rng: np.random.Generator


class Told(NamedTuple):
    """What a baseline found.

    Attributes
    ----------
    committor : probability of B for each test frame, (n, T); None where it tells none
    values : metrics besides, by `how`
    """

    committor: np.ndarray | None
    values: dict[str, dict[str, tuple[float, int]]]


def nearest_basin(known: Known) -> Told:
    """B where its minimum is nearer than that of A."""
    minima = SURFACES[known.settings.system.surface].MINIMA[:2]
    away = np.linalg.norm(known.test.x[..., None, :] - minima, axis=-1)
    return Told((away[..., 1] < away[..., 0]).astype(float), {})


def linear_model(known: Known) -> Told:
    """Regression of the next frame, and of the basin entered next, on the last frames; walkers with its noise."""
    system, told = known.settings.system, known.settings.rollout
    fitted = linear.fit(known.train, known.state)
    ahead, b = linear.predict(fitted, known.test.x)
    _, variance = exact_steps(known.test.x[:, -1], known.test.v[:, -1], system, known.rng)
    ratio = float(((ahead[:, -1] - known.test.following[:, -1]) ** 2).sum(-1).mean() / variance)
    walkers = linear.walk(fitted, known.exact.sample(told.walkers, known.rng), told.frames, known.rng)
    found, _ = generation(walkers, system, known.exact, known.bins, known.beside)
    return Told(b, {"prediction": {"next_mse_ratio": (ratio, len(ahead))}, "sampled": found})


def msm(known: Known) -> Told:
    """A Markov state model on squares of the surface."""
    system, bins = known.settings.system, known.bins
    model = markov.markov_model(known.train, bins, system)
    reached = model.committor[markov.state_of(known.test.x, bins, system)]
    visits = bins.counts(known.train)
    difference = abs(model.free_energy_difference - known.exact.free_energy_difference) / system.kT
    values = {
        "density_js": (bins.divergence(model.density), model.states),
        "free_energy_error": (difference, model.states),
        **_times(known, model.t2, model.mfpt_ab),
    }
    if system.overdamped:
        values["committor_error"] = bins.committor_error(visits, visits * model.committor[:-2])
    return Told(reached, {"sampled": values})


def tica(known: Known) -> Told:
    """The slowest linear combination of x and y; B is the half in which its minimum lies."""
    t2, b = markov.tica(known.train, known.test.x, known.settings.system)
    return Told(b, {"sampled": _times(known, t2)})


def vampnet(known: Known) -> Told:
    """A network with two soft states, trained for the VAMP-2 score; B is the one of its minimum."""
    seed = integer_seed(known.settings.seed, f"{known.settings.name}/vampnet")
    t2, b = markov.vampnet(known.train, known.test.x, known.settings.system, seed)
    return Told(b, {"sampled": _times(known, t2)})


BASELINES: dict[Baseline, Callable[[Known], Told]] = {
    "nearest-basin": nearest_basin,
    "linear": linear_model,
    "msm": msm,
    "tica": tica,
    "vampnet": vampnet,
}


def _times(known: Known, t2: float, mfpt: float | None = None) -> dict[str, tuple[float, int]]:
    """The ratios to the times that all are set beside."""
    n, beside = len(known.train), known.beside
    found = {"t2_ratio": (t2 / beside.t2, n)}
    return found | ({"mfpt_ratio": (mfpt / beside.mfpt_ab, n)} if mfpt else {})


def baselines(windows: Path, settings: BaselineSettings, replica: Path, out: Path) -> None:
    """Write the metrics of every baseline, and those of the run `replica`, the floor, to the CSV `out`."""
    system = settings.system
    _, groups = opened(windows, system)
    exact = read_exact(Path(groups["test"].prepared), system)
    bins, test = Bins.of(exact), load_test_windows(windows, system)
    file = Path(groups["train"].trajectory)
    train = paths(load_walkers(file, system.record), file)
    walkers, frames = train.shape[:2]
    state = next_basin(system.surface, train.reshape(-1, 2), np.repeat(np.arange(walkers), frames))
    q = exact.committor_at(test.x) if system.overdamped else None
    rng = np.random.default_rng(seed_sequence(settings.seed, f"{settings.name}/baselines"))
    reference = simulated(replica, system, settings.rollout)
    beside = times(reference, system, exact)
    known = Known(settings, exact, bins, beside, train, state.reshape(walkers, frames), test, rng)
    floor, _ = generation(reference, system, exact, bins, beside)
    rows = list(scored(settings, "sampled", {name: (value, np.nan) for name, value in floor.items()}, "simulation"))
    for name in settings.baselines:
        told = BASELINES[name](known)
        found = classified(told.committor, q, test.state) if told.committor is not None else {}
        rows += scored(settings, "prediction", found, name)
        for how, values in told.values.items():
            floors = floor if how == "sampled" else {}
            rows += scored(settings, how, {m: (value, floors.get(m, NONE)[0]) for m, value in values.items()}, name)
        print(f"{settings.name}: {name}", flush=True)
    write_records(out, rows, Score)
