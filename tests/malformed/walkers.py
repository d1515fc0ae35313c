"""One good input of each kind that trajectory models read: a few walkers, and a network that has learned nothing."""

import json
from pathlib import Path
from typing import Any

from mdsnake.evaluate.config import BaselineSettings, SurfaceSettings
from mdsnake.evaluate.summary import summarize_scores
from mdsnake.evaluate.surface.stage import evaluate_surface
from mdsnake.families.trajbert.config import (
    Extent,
    LossWeights,
    PrepareSettings,
    Rollout,
    RolloutSettings,
    SimulateSettings,
    TrainSettings,
)
from mdsnake.physics.generator import exact
from mdsnake.physics.surface import SURFACES
from mdsnake.store.atomic import write_text
from tests.families.trajbert.case import save
from tests.families.trajbert.toys import ABOUT, SYSTEM, network, save_walkers, save_windows, toy_model, walkers

MEMBER = "small-causal-mixture"
NAMED = {"family": "trajbert", "name": ABOUT.name, "system": SYSTEM}
ROLLOUT = Rollout(walkers=4, frames=20, prompt=8)
JUDGED = SurfaceSettings.model_validate(NAMED | {"member": MEMBER, "rollout": ROLLOUT, "seed": 0})


def surface_settings(stage: str) -> dict[str, Any]:
    """The settings of a stage."""
    told = {
        "prepare": PrepareSettings.model_validate(NAMED),
        "simulate": SimulateSettings.model_validate(NAMED | {"extent": Extent(walkers=2, frames=20), "seed": 0}),
        "window": ABOUT,
        "train": TrainSettings(
            member=MEMBER, network=network(), loss=LossWeights(), training={"max_steps": 2, "batch_size": 4}, seed=0
        ),
        "rollout": RolloutSettings.model_validate(
            NAMED | {"member": MEMBER, "how": "sampled", "rollout": ROLLOUT, "seed": 0}
        ),
        "evaluate": JUDGED,
        "baselines": BaselineSettings.model_validate(
            NAMED | {"baselines": ["nearest-basin"], "rollout": ROLLOUT, "seed": 0}
        ),
    }[stage]
    return told.model_dump(mode="json")


def make_surface(folder: Path) -> dict[str, Path]:
    """Write them all into `folder`."""
    exact(SURFACES[SYSTEM.surface], SYSTEM.kT, spacing=0.1).save(folder / "exact.json")
    write_text(folder / "surface.json", json.dumps(surface_settings("prepare")))
    made = {
        "surface": folder / "surface.json", "exact": folder / "exact.json", "walkers": folder / "train.h5",
        "walker_windows": save_windows(folder), "walker_model": folder / "model.safetensors",
        "generated": save_walkers(folder / "sampled.h5", walkers(seed=3)), "scores": folder / "trajbert.csv",
        "drawing": folder / "seed0.curves.json",
    }  # fmt: skip
    save(made["walker_model"], toy_model())
    run = made["generated"]
    told = [made["walker_windows"], made["walker_model"], run, made["walkers"], folder / "seed0.csv", made["drawing"]]
    evaluate_surface(folder, JUDGED, *told, run)
    summarize_scores([folder / "seed0.csv"], made["scores"])
    return made
