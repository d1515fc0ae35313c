"""`mdsnake evaluate` of a trajectory model: what it tells of test windows, and the walkers that it generates."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mdsnake.errors import UserError
from mdsnake.evaluate.config import SurfaceSettings
from mdsnake.evaluate.records import Score, write_records
from mdsnake.evaluate.surface.attention import by_difference, future_over_past, key_share, local_excess
from mdsnake.evaluate.surface.classification import change, classified, regression_error, slices
from mdsnake.evaluate.surface.density import Bins
from mdsnake.evaluate.surface.generation import drawn, generation, speed, times
from mdsnake.evaluate.surface.metrics import METRICS, NONE, Found
from mdsnake.evaluate.surface.next_step import COPIES, exact_steps
from mdsnake.evaluate.surface.windows import TestWindows, load_test_windows
from mdsnake.families.base import resolve_device
from mdsnake.families.trajbert.attention import attention
from mdsnake.families.trajbert.config import Rollout, System
from mdsnake.families.trajbert.model import TrajbertModel
from mdsnake.families.trajbert.surface import read_exact
from mdsnake.families.trajbert.task import load_model
from mdsnake.physics.generator import Exact
from mdsnake.seeds import seed_sequence
from mdsnake.store.atomic import write_text
from mdsnake.store.walkers import load_walkers, paths

#: Windows in a pass through the network; of attention, windows that are averaged, and frames of the averaged window.
BATCH, LOOKED_AT, LOOKED_FRAMES = 64, 32, 100
NEAR = 5


def evaluate_surface(
    prepared: Path,
    settings: SurfaceSettings,
    windows: Path,
    model: Path,
    deterministic: Path,
    replica: Path,
    out: Path,
    curves: Path,
    sampled: Path | None = None,
    device: str = "auto",
) -> None:
    """Write the metrics of a model and its roll-outs to the CSV `out`, and what figures draw to the JSON `curves`.

    The floor of a roll-out is the same metric of as many walkers and frames of `replica`.
    """
    system = settings.system
    exact = read_exact(prepared, system)
    bins = Bins.of(exact)
    network = load_model(model, system).to(resolve_device(device))
    test = load_test_windows(windows, settings.system)
    reference = simulated(replica, system, settings.rollout)
    beside = times(reference, system, exact)
    floor, counts = generation(reference, system, exact, bins, beside)
    densities = {"simulation": counts}
    found, curve = predictions(network, test, settings, exact)
    rows = list(scored(settings, "prediction", found))
    for how, path in (("sampled", sampled), ("deterministic", deterministic)):
        if path is None:
            continue
        run = load_walkers(path, system.record, finite=False)
        values, densities[how] = generation(paths(run, path), system, exact, bins, beside)
        values |= speed(run.counters, run.n_frames)
        rows += scored(settings, how, {name: (value, floor.get(name, NONE)[0]) for name, value in values.items()})
    looked, maps = looks(network, test)
    rows += scored(settings, "prediction", looked)
    rows += scored(settings, "untrained", looks(untrained(network), test)[0])
    write_records(out, rows, Score)
    drawn_curves = {"settings": settings.model_dump(mode="json"), **curve, **drawn(bins, densities), "attention": maps}
    write_text(curves, json.dumps(drawn_curves) + "\n")


def simulated(path: Path, system: System, rollout: Rollout) -> np.ndarray:
    """As many walkers and frames as a roll-out has, (W, F, 2)."""
    x = paths(load_walkers(path, system.record), path)
    if len(x) < rollout.walkers or x.shape[1] < rollout.frames:
        raise UserError(f"{path}: fewer walkers or frames than a roll-out; raise trajectories.reference")
    return x[: rollout.walkers, : rollout.frames]


def scored(settings: Any, how: str, found: Found, member: str = "") -> Iterator[Score]:
    for name, ((value, n), floor) in found.items():
        who = member or settings.member
        yield Score(settings.name, who, how, settings.seed, name, value, floor, n, METRICS[name].unit)


def predictions(
    network: TrajbertModel, test: TestWindows, settings: SurfaceSettings, exact: Exact
) -> tuple[Found, dict[str, Any]]:
    """What the model tells of every frame of the test windows, and how accuracy goes with where they start."""
    ahead, committor, encoded = outputs(network, test)
    states, slices_of = states_told(committor, encoded, test, exact if settings.system.overdamped else None)
    rng = np.random.default_rng(seed_sequence(settings.seed, f"{settings.name}/steps"))
    return states | steps_told(ahead, test, settings.system, rng), slices_of


def states_told(
    committor: np.ndarray, encoded: np.ndarray, test: TestWindows, exact: Exact | None
) -> tuple[Found, dict[str, Any]]:
    """How well the basin that comes next is told, beside the Bayes limit where the dynamics has an exact committor."""
    n = len(test.x)
    q = exact.committor_at(test.x) if exact else None
    found = classified(committor, q, test.state)
    if q is not None:
        errors = (regression_error(inputs, q[:, -1]) for inputs in (encoded, test.x[:, -1]))
        found["committor_regression_rmse"] = (next(errors), n), next(errors)
    known = test.state >= 0
    correct = slices(np.where(known, (committor > 0.5) == test.state, np.nan), test.start)
    best = np.full(test.state.shape, np.nan) if q is None else np.maximum(q, 1 - q)
    limit = slices(np.where(known, best, np.nan), test.start)
    moved, error = change(correct)
    found["later_slice_change"] = (moved, n), change(limit)[0]
    found["later_slice_z"] = (moved / error if error > 0 else np.nan, n), np.nan
    return found, {"slices": correct, "limit": limit}


def steps_told(ahead: np.ndarray, test: TestWindows, system: System, rng: np.random.Generator) -> Found:
    """Squared errors of the next frame over their floor, at the last frame and at all."""
    n = len(test.x)
    squared = ((ahead - test.following) ** 2).sum(-1)
    mean, variance = exact_steps(test.x[:, -1], test.v[:, -1], system, rng)
    # The mean of a few copies is itself off by a share of the variance.
    floor = float(((mean - test.following[:, -1]) ** 2).sum(-1).mean() / variance / (1 + 1 / COPIES))
    anywhere = rng.integers(squared.size, size=n)
    _, everywhere = exact_steps(test.x.reshape(-1, 2)[anywhere], test.v.reshape(-1, 2)[anywhere], system, rng)
    return {
        "next_mse_ratio": ((float(squared[:, -1].mean() / variance), n), floor),
        "next_mse_ratio_all": ((float(squared.mean() / everywhere), squared.size), np.nan),
    }


@torch.no_grad()
def outputs(network: TrajbertModel, test: TestWindows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Next frames (n, T, 2) and probabilities of B (n, T) for each frame of the windows, and the encodings of the last
    frames (n, width)."""
    place, noise = network.mean.device, torch.Generator().manual_seed(0)
    ahead, b, encoded = [], [], []
    for chosen in torch.arange(len(test.x)).split(BATCH):
        x = torch.tensor(test.x[chosen.numpy()], dtype=torch.float32, device=place)
        h = network.encode(x)
        ahead.append(network.ahead(x, network.next_head(h), "deterministic", noise).cpu())
        b.append(network.state_head(h).softmax(-1)[..., 1].cpu())
        encoded.append(h[:, -1].cpu())
    first, second, third = (torch.cat(parts).double().numpy() for parts in (ahead, b, encoded))
    return first, second, third


def looks(network: TrajbertModel, test: TestWindows) -> tuple[Found, dict[str, Any]]:
    """Where a bidirectional model looks in windows of a hundred frames, and maps of any model for a figure."""
    frames = min(LOOKED_FRAMES, test.x.shape[1])
    chosen = np.unique(np.linspace(0, len(test.x) - 1, LOOKED_AT).astype(int))
    x = torch.tensor(test.x[chosen, :frames], dtype=torch.float32, device=network.mean.device)
    maps = attention(network, x).double().cpu().numpy()
    mean = maps.mean((0, 1, 2))
    drawn_maps = {"heads": maps[-1, 0].round(5).tolist(), "mean": mean.round(5).tolist()}
    drawn_maps["difference"] = by_difference(mean).round(6).tolist()
    if network.causal:
        return {}, drawn_maps
    shares = np.array([[key_share(head) for head in window] for window in maps[-1]])
    found = {
        "attention_key_share": shares.mean(),
        "attention_target_share": shares.mean(0).max(),
        "attention_local": np.mean([local_excess(head, NEAR) for window in maps[-1] for head in window]),
        "attention_future_past": future_over_past(mean),
    }
    return {name: ((float(value), len(chosen)), np.nan) for name, value in found.items()}, drawn_maps


def untrained(network: TrajbertModel) -> TrajbertModel:
    """The same network with random weights: what a claim about training must not hold for."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fresh = TrajbertModel(network.network, network.about)
    fresh.load_state_dict(fresh.state_dict() | {name: value.cpu() for name, value in network.named_buffers()})
    return fresh.to(network.mean.device).eval()
