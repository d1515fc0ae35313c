"""`mdsnake evaluate` of a trajectory model: what it tells of test windows, and the walkers that it generates."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mdsnake.errors import UserError
from mdsnake.evaluate.config import SurfaceSettings
from mdsnake.evaluate.metrics import Mean
from mdsnake.evaluate.records import Score, write_records
from mdsnake.evaluate.surface.attention import by_difference, future_over_past, key_share, local_excess
from mdsnake.evaluate.surface.classification import bayes_accuracy, change, scores, slices
from mdsnake.evaluate.surface.density import Bins
from mdsnake.evaluate.surface.generation import drawn, generation, speed
from mdsnake.evaluate.surface.metrics import METRICS
from mdsnake.evaluate.surface.next_step import exact_steps
from mdsnake.evaluate.surface.windows import TestWindows, load_test_windows
from mdsnake.families.base import resolve_device
from mdsnake.families.trajbert.attention import attention
from mdsnake.families.trajbert.config import Rollout, System
from mdsnake.families.trajbert.model import TrajbertModel
from mdsnake.families.trajbert.task import load_model
from mdsnake.physics.generator import Exact
from mdsnake.seeds import seed_sequence
from mdsnake.store.atomic import write_text
from mdsnake.store.walkers import load_walkers, paths

NONE: Mean = (np.nan, 0)
Found = dict[str, tuple[Mean, float]]
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
    exact, system = Exact.load(prepared / "exact.json"), settings.system
    bins = Bins.of(exact)
    network = load_model(model, system).to(resolve_device(device))
    test = load_test_windows(windows, settings.system)
    floor, counts = generation(simulated(replica, system, settings.rollout), system, exact, bins)
    densities = {"simulation": counts}
    found, curve = predictions(network, test, settings, exact)
    rows = list(scored(settings, "prediction", found))
    for how, path in (("sampled", sampled), ("deterministic", deterministic)):
        if path is None:
            continue
        run = load_walkers(path, system.record, finite=False)
        values, densities[how] = generation(paths(run, path), system, exact, bins)
        values |= speed(run.counters, run.n_frames)
        rows += scored(settings, how, {name: (value, floor.get(name, NONE)[0]) for name, value in values.items()})
    looked, maps = looks(network, test)
    rows += scored(settings, "prediction", looked)
    write_records(out, rows, Score)
    drawn_curves = {"settings": settings.model_dump(mode="json"), **curve, **drawn(bins, densities), "attention": maps}
    write_text(curves, json.dumps(drawn_curves) + "\n")


def simulated(path: Path, system: System, rollout: Rollout) -> np.ndarray:
    """As many walkers and frames as a roll-out has, (W, F, 2)."""
    x = paths(load_walkers(path, system.record), path)
    if len(x) < rollout.walkers or x.shape[1] < rollout.frames:
        raise UserError(f"{path}: fewer walkers or frames than a roll-out; raise reference.walkers or reference.frames")
    return x[: rollout.walkers, : rollout.frames]


def scored(settings: Any, how: str, found: Found, member: str = "") -> Iterator[Score]:
    for name, ((value, n), floor) in found.items():
        who = member or settings.member
        yield Score(settings.name, who, how, settings.seed, name, value, floor, n, METRICS[name].unit)


def predictions(
    network: TrajbertModel, test: TestWindows, settings: SurfaceSettings, exact: Exact
) -> tuple[Found, dict[str, Any]]:
    """What the model tells of every frame of the test windows, and how accuracy goes with where they start."""
    ahead, committor = told(network, test)
    q, rng = exact.committor_at(test.x), np.random.default_rng(seed_sequence(settings.seed, f"{settings.name}/steps"))
    overdamped = settings.system.friction is None
    q = q if overdamped else np.full_like(q, np.nan)
    called = (committor > 0.5).astype(int)
    found: Found = {name: (mean, np.nan) for name, mean in scores(called.ravel(), test.state.ravel()).items()}
    found["accuracy"] = found["accuracy"][0], bayes_accuracy(q, test.state)
    last = scores(called[:, -1], test.state[:, -1])["accuracy"]
    found["accuracy_last"] = last, bayes_accuracy(q[:, -1], test.state[:, -1])
    known, q_known = test.state >= 0, np.maximum(q, 1 - q)
    correct = slices(np.where(known, called == test.state, np.nan), test.start)
    limit = slices(np.where(known, q_known, np.nan), test.start)
    moved, error = change(correct)
    found["later_slice_change"] = (moved, len(test.start)), error
    if overdamped:
        rmse = float(np.sqrt(np.mean((committor[:, -1] - q[:, -1]) ** 2)))
        found["committor_rmse"] = (rmse, len(test.start)), np.nan
    mean, variance = exact_steps(test.x[:, -1], test.v[:, -1], settings.system, rng)
    squared = ((ahead - test.following) ** 2).sum(-1) / variance
    best = float(((mean - test.following[:, -1]) ** 2).sum(-1).mean() / variance)
    found["next_mse_ratio"] = (float(squared[:, -1].mean()), len(squared)), best
    found["next_mse_ratio_all"] = (float(squared.mean()), squared.size), np.nan
    return found, {"slices": correct, "limit": limit}


@torch.no_grad()
def told(network: TrajbertModel, test: TestWindows) -> tuple[np.ndarray, np.ndarray]:
    """Next frames (n, T, 2) and probabilities of B (n, T) for each frame of the windows."""
    place, noise = network.mean.device, torch.Generator().manual_seed(0)
    ahead, b = [], []
    for chosen in torch.arange(len(test.x)).split(BATCH):
        x = torch.tensor(test.x[chosen.numpy()], dtype=torch.float32, device=place)
        h = network.encode(x)
        ahead.append(network.ahead(x, network.next_head(h), "deterministic", noise).cpu())
        b.append(network.state_head(h).softmax(-1)[..., 1].cpu())
    return torch.cat(ahead).double().numpy(), torch.cat(b).double().numpy()


def looks(network: TrajbertModel, test: TestWindows) -> tuple[Found, dict[str, Any]]:
    """Where the model looks in windows of a hundred frames: numbers, and maps for a figure."""
    frames = min(LOOKED_FRAMES, test.x.shape[1])
    chosen = np.unique(np.linspace(0, len(test.x) - 1, LOOKED_AT).astype(int))
    x = torch.tensor(test.x[chosen, :frames], dtype=torch.float32, device=network.mean.device)
    maps = attention(network, x).double().cpu().numpy()
    last, mean = maps[-1].reshape(-1, frames, frames), maps.mean((0, 1, 2))
    found = {
        "attention_key_share": float(np.mean([key_share(one) for one in last])),
        "attention_local": float(np.mean([local_excess(one, NEAR) for one in last])),
    }
    if not network.causal:
        found["attention_future_past"] = future_over_past(mean)
    drawn_maps = {"heads": maps[-1, 0].round(5).tolist(), "mean": mean.round(5).tolist()}
    drawn_maps["difference"] = by_difference(mean).round(6).tolist()
    return {name: ((value, len(chosen)), np.nan) for name, value in found.items()}, drawn_maps
