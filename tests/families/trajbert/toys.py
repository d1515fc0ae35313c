"""Tiny trajectory models, and short trajectories on the surface of Müller and Brown."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_geometric.data import Batch

from mdsnake.families.trajbert.config import Network, System, Window, WindowSettings
from mdsnake.families.trajbert.data import collate
from mdsnake.families.trajbert.model import TrajbertModel
from mdsnake.families.trajbert.states import next_basin
from mdsnake.physics.surface import SURFACES
from mdsnake.physics.walkers import overdamped
from mdsnake.store.walkers import walkers_trajectory
from mdsnake.store.windows import WindowGroup, Windows

SYSTEM = System(kT=15, timestep=1e-4, record=2e-4)
ABOUT = WindowSettings(name="mueller-brown", system=SYSTEM, window=Window(length=12, stride=4))
MEMBERS = tuple((mode, head) for mode in ("causal", "bidirectional") for head in ("mixture", "mse"))


def network(mode: str = "causal", head: str = "mixture", **changes: Any) -> Network:
    small = {"mode": mode, "head": head, "width": 8, "layers": 2, "feed_forward": 16, "attention_heads": 2}
    return Network.model_validate(small | {"components": 2} | changes)


def toy_model(mode: str = "causal", head: str = "mixture", **changes: Any) -> TrajbertModel:
    torch.manual_seed(0)
    model = TrajbertModel(network(mode, head, **changes), ABOUT)
    x = torch.tensor(walkers(), dtype=torch.float32)
    model.standardise(x.flatten(0, 1), x.diff(dim=1).flatten(0, 1))
    return model


@functools.cache
def walkers(count: int = 6, frames: int = 40, seed: int = 0) -> np.ndarray:
    """Positions (count, frames, 2) of walkers that start in basin A, in basin B and between them."""
    rng, surface = np.random.default_rng(seed), SURFACES[SYSTEM.surface]
    x = np.resize(surface.MINIMA, (count, 2)) + 0.05 * rng.standard_normal((count, 2))
    told = [x]
    for _ in range(frames - 1):
        x = overdamped(surface.force, x, SYSTEM.kT, SYSTEM.timestep, SYSTEM.steps_per_frame, rng)
        told.append(x)
    return np.stack(told, axis=1)


def toy_batch(*lengths: int) -> Batch:
    """A window of each length, the first from basin A, the second from basin B."""
    parts = []
    for walker, length in enumerate(lengths):
        x = walkers()[walker]
        state = next_basin(SYSTEM.surface, x, np.zeros(len(x), dtype=int))
        parts.append((x[:length], x[1 : length + 1], state[:length]))
    positions, following, state = (torch.tensor(np.concatenate(part)) for part in zip(*parts, strict=True))
    return collate(positions.float(), following.float(), state, lengths)


def save_walkers(path: Path, x: np.ndarray, record: float = SYSTEM.record) -> Path:
    """The file of a run."""
    walkers_trajectory(x, 0 * x, 0 * x, 0 * x[..., 0], record, {}, {"total_ms": 1500.0}).save(path)
    return path


def save_windows(folder: Path, about: WindowSettings = ABOUT) -> Path:
    """An index of windows of three splits, and its files."""
    groups = []
    for seed, split in enumerate(("train", "validation", "test")):
        x = walkers(seed=seed)
        file = save_walkers(folder / f"{split}.h5", x)
        within = range(0, x.shape[1] - about.window.length, about.window.stride)
        starts = [walker * x.shape[1] + start for walker in range(len(x)) for start in within]
        groups.append(WindowGroup(about.name, split, str(folder), str(file), starts))
    Windows(about.model_dump(mode="json"), groups).save(folder / "mueller-brown.json")
    return folder / "mueller-brown.json"
