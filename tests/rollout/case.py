"""Short roll-outs of small molecules, and the network that they are rolled out with."""

from pathlib import Path
from typing import Any

import numpy as np

from mdsnake.config import Engine
from mdsnake.families.kstep.config import Jump, Rollout, RolloutSettings
from mdsnake.rollout.stage import rollout
from mdsnake.store.h5md import Trajectory

ARRAYS = ("positions", "velocities", "forces", "potential", "segment", "energy_error", "jumps")


def settings(jump: Jump, member: str = "verlet", seed: int = 0, **changes: Any) -> RolloutSettings:
    told = Rollout.model_validate({"walkers": 3, "time_ps": 0.2, "nve_ps": 0.1} | changes)
    return RolloutSettings(member=member, jump=jump, rollout=told, seed=seed)


def run(
    folder: Path, prepared: Path, told: RolloutSettings, engine: Engine, bursts: Path, model: Path | None = None
) -> tuple[Trajectory, Trajectory]:
    paths = folder / "seed0.h5", folder / "seed0.nve.h5"
    rollout(prepared, told, engine, bursts, model, *paths, folder / "work", "cpu")
    return Trajectory.load(paths[0]), Trajectory.load(paths[1])


def same(first: Trajectory, second: Trajectory) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ARRAYS)
