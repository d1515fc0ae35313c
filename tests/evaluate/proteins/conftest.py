"""Real chains, chains that are none, and windows of a few proteins."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mdsnake.config import SplitFractions, Training
from mdsnake.evaluate.config import BackboneBaselineSettings, BackboneSettings
from mdsnake.evaluate.proteins.baselines import baselines_proteins
from mdsnake.evaluate.proteins.stage import evaluate_proteins
from mdsnake.evaluate.proteins.summary import summarize_proteins
from mdsnake.evaluate.proteins.walks import mirrored, random_walk
from mdsnake.families.backbone.config import (
    Cartesian,
    Cluster,
    Download,
    PrepareSettings,
    Protein,
    Residues,
    Sample,
    TrainSettings,
    WindowSettings,
)
from mdsnake.prepare.proteins import prepare_protein
from mdsnake.store.backbones import Backbone
from mdsnake.store.samples import Samples
from mdsnake.train.stage import train
from mdsnake.window.proteins import window_proteins

#: Chains of the test suite of MDAnalysis, with the split that they are given here.
CHAINS = {
    "3a4rA": ("dssp/3a4rA.pdb.gz", "train"),
    "1i8nA": ("dssp/1i8nA.pdb.gz", "train"),
    "2va0A": ("dssp/2va0A.pdb.gz", "train"),
    "4gcnA": ("dssp/4gcnA.pdb.gz", "validation"),
    "2cviA": ("dssp/2cviA.pdb.gz", "test"),
}
RESIDUES = Residues(min=40, max=64)
Chains = dict[str, np.ndarray]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Their prepared folders."""
    folder = tmp_path_factory.mktemp("prepared")
    for name, (file, _) in CHAINS.items():
        protein = Protein(name=name, source=f"MDAnalysisTests:{file}", chain="A")
        prepare_protein(PrepareSettings(protein=protein, residues=RESIDUES, download=Download()), folder / name, folder)
    return [folder / name for name in CHAINS]


@pytest.fixture(scope="session")
def natives(prepared: list[Path]) -> Chains:
    """Whole chains by name."""
    return {folder.name: Backbone.load(folder / "backbone.npz").coords_angstrom for folder in prepared}


@pytest.fixture(scope="session")
def walks() -> Chains:
    """Random walks of the same lengths as proteins."""
    rng = np.random.default_rng(0)
    return {f"walk{i}": random_walk(length, rng) for i, length in enumerate((48, 64, 96))}


@pytest.fixture(scope="session")
def windows(prepared: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their windows, three to learn from and two held out."""
    settings = WindowSettings(
        residues=RESIDUES,
        split=SplitFractions(),
        splits={name: split for name, (_, split) in CHAINS.items()},  # type: ignore[misc]
        cluster=Cluster(by="sequence", threshold=0.9),
        seed=0,
    )
    folder = tmp_path_factory.mktemp("windows")
    window_proteins(settings, prepared, folder / "windows.json", folder / "card.json")
    return folder / "windows.json"


NETWORK = Cartesian(width=16, layers=1, heads=2, feed_forward=16, timesteps=20)
MEMBER = "cartesian"


@pytest.fixture(scope="session")
def model(windows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network after a few steps."""
    folder = tmp_path_factory.mktemp("model") / MEMBER / "seed0"
    training = Training(max_steps=4, batch_size=2, warmup_steps=1, validate_every=1, ema_decay=0)
    settings = TrainSettings(member=MEMBER, network=NETWORK, training=training, seed=0)
    train(windows, settings, None, folder / "model.safetensors", folder / "history.csv", folder / "work", "cpu")
    return folder / "model.safetensors"


def saved(path: Path, chains: Chains) -> Path:
    """Chains as if they were samples."""
    ptr = np.concatenate([[0], np.cumsum([len(one) for one in chains.values()])])
    coords = np.concatenate(list(chains.values())).astype(np.float32)
    size = len(chains)
    Samples(ptr, coords, coords[None], np.zeros(len(coords), bool), np.arange(1.0, size + 1), {}).save(path)
    return path


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What the evaluation of some samples, and that of natives and controls, have written."""

    table: Path
    curves: Path
    controls: Path
    summary: Path
    history: Path
    card: Path


@pytest.fixture(scope="session")
def evaluated(
    windows: Path, model: Path, natives: Chains, walks: Chains, tmp_path_factory: pytest.TempPathFactory
) -> Evaluated:
    """Of four samples: a training protein, a held-out one, a mirror image, and a random walk."""
    folder = tmp_path_factory.mktemp("evaluated")
    made = {
        "learned": natives["3a4rA"], "new": natives["2cviA"][:64],
        "mirrored": mirrored(natives["1i8nA"]), "walk": walks["walk1"],
    }  # fmt: skip
    samples, table, curves = saved(folder / "samples.h5", made), folder / "seed0.csv", folder / "seed0.curves.json"
    settings = BackboneSettings(family="backbone", member=MEMBER, network=NETWORK, seed=0)
    history = model.with_name("history.csv")
    evaluate_proteins(settings, windows, model, samples, history, table, curves, "cpu")
    controls = folder / "baselines.curves.json"
    about = BackboneBaselineSettings(family="backbone", sample=Sample(lengths=[48, 64], count=2), seed=0)
    baselines_proteins(about, windows, folder / "baselines.csv", controls)
    summarize_proteins([curves, controls], folder / "summary.csv")
    return Evaluated(table, curves, controls, folder / "summary.csv", history, windows.with_name("card.json"))
