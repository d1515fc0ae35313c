"""A surface with its exact figures on a coarse grid, short runs on it, and a network that has hardly been trained."""

from pathlib import Path

import pytest

from mdsnake.config import Training
from mdsnake.families.trajbert.config import (
    Extent,
    PrepareSettings,
    Rollout,
    RolloutSettings,
    SimulateSettings,
    System,
    TrainSettings,
    Trajbert,
    Window,
    WindowSettings,
)
from mdsnake.physics.generator import Exact, exact
from mdsnake.physics.surface import SURFACES
from mdsnake.rollout.surface import rollout_surface
from mdsnake.simulate.surface import simulate_surface
from mdsnake.store.atomic import write_text
from mdsnake.train.stage import train
from mdsnake.window.surface import window_surface

SYSTEM = System(kT=25, timestep=2e-4, record=2e-3)
#: Wide enough for so hot a system.
BOX = ((-2.0, 1.6), (-0.8, 2.6))
MEMBER = "small-causal-mixture"
ROLLOUT = Rollout(walkers=16, frames=300, prompt=8, slide=9)


@pytest.fixture(scope="session")
def surface(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared surface."""
    folder = tmp_path_factory.mktemp("surface")
    exact(SURFACES["mueller-brown"], SYSTEM.kT, spacing=0.05, box=BOX).save(folder / "exact.json")
    write_text(folder / "surface.json", PrepareSettings(name="mb", system=SYSTEM).model_dump_json())
    return folder


@pytest.fixture(scope="session")
def known(surface: Path) -> Exact:
    return Exact.load(surface / "exact.json")


@pytest.fixture(scope="session")
def runs(surface: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all runs."""
    folder = tmp_path_factory.mktemp("runs")
    extents = {
        "train": (24, 129), "validation": (4, 129), "test": (16, 129), "replica0": (16, 300), "replica1": (16, 300),
    }  # fmt: skip
    for run, (walkers, frames) in extents.items():
        settings = SimulateSettings(name="mb", system=SYSTEM, extent=Extent(walkers=walkers, frames=frames), seed=0)
        simulate_surface(surface, settings, run, folder / f"{run}.h5", folder / "work")  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="session")
def index(surface: Path, runs: Path) -> Path:
    """The windows."""
    settings = WindowSettings(name="mb", system=SYSTEM, window=Window(length=16, stride=16))
    files = [runs / f"{split}.h5" for split in ("train", "validation", "test")]
    window_surface(settings, [surface] * 3, files, runs / "windows.json")
    return runs / "windows.json"


@pytest.fixture(scope="session")
def model(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network after a few steps."""
    folder, family = tmp_path_factory.mktemp("model"), Trajbert(systems={"mb": SYSTEM})
    settings = TrainSettings(
        member=MEMBER, network=family.network(MEMBER), loss=family.loss, seed=0,
        training=Training(max_steps=20, batch_size=32, learning_rate=5e-3, warmup_steps=2, validate_every=10),
    )  # fmt: skip
    train(index, settings, None, folder / "model.safetensors", folder / "history.csv", folder / "work", "cpu")
    return folder / "model.safetensors"


@pytest.fixture(scope="session")
def generated(surface: Path, runs: Path, model: Path) -> dict[str, Path]:
    """Roll-outs by how they are made."""
    made = {}
    for how in ("sampled", "deterministic"):
        settings = RolloutSettings(name="mb", system=SYSTEM, member=MEMBER, how=how, rollout=ROLLOUT, seed=0)  # type: ignore[arg-type]
        made[how] = model.parent / f"{how}.h5"
        rollout_surface(surface, settings, runs / "replica1.h5", model, made[how], model.parent / "work", "cpu")
    return made
