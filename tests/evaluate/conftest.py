"""Hydrogen peroxide whose bonds, angles and torsion do what a test tells them to, and a summary to draw."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mdsnake.evaluate.config import EvaluateSettings
from mdsnake.evaluate.records import Record, write_records
from mdsnake.evaluate.stage import evaluate
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory
from mdsnake.units import BOLTZMANN

MASSES = np.array([1.008, 15.999, 15.999, 1.008])
MakeTrajectory = Callable[..., Trajectory]


def peroxide(bonds: np.ndarray, angles: np.ndarray, torsion: np.ndarray) -> np.ndarray:
    """Positions (F, 4, 3) in nm of H–O–O–H from bonds (F, 3), angles (F, 2) and the torsion (F,) in radians."""
    x = np.zeros((len(torsion), 4, 3))
    x[:, 2, 0] = bonds[:, 1]
    x[:, 0] = bonds[:, :1] * np.stack([np.cos(angles[:, 0]), np.sin(angles[:, 0]), 0 * torsion], axis=1)
    sine = np.sin(angles[:, 1])
    turned = np.stack([-np.cos(angles[:, 1]), sine * np.cos(torsion), sine * np.sin(torsion)], axis=1)
    x[:, 3] = x[:, 2] + bonds[:, 2:] * turned
    return x


def ar1(rng: np.random.Generator, frames: int, memory: float, columns: int = 1) -> np.ndarray:
    """Stationary series (F, columns) of unit variance with autocorrelation memory**t."""
    noise = rng.normal(size=(frames, columns)) * np.sqrt(1 - memory**2)
    noise[0] /= np.sqrt(1 - memory**2)
    for t in range(1, frames):
        noise[t] += memory * noise[t - 1]
    return noise


@pytest.fixture(scope="session")
def correlated() -> Callable[..., np.ndarray]:
    return ar1


@pytest.fixture(scope="session")
def place() -> Callable[..., np.ndarray]:
    return peroxide


@pytest.fixture(scope="session")
def graph() -> MoleculeGraph:
    x = peroxide(np.array([[0.097, 0.145, 0.097]]), np.radians([[100.0, 100.0]]), np.radians([115.0]))
    return MoleculeGraph(
        name="peroxide", smiles="OO", charge=0, multiplicity=1, forcefield="toy", numbers=[1, 8, 8, 1],
        masses=MASSES.tolist(), formal_charges=[0] * 4, hybridisations=["S", "SP3", "SP3", "S"], rings=[0] * 4,
        bonds=[[0, 1], [1, 2], [2, 3]], bond_orders=[1.0] * 3, bond_rings=[0] * 3, positions=x[0].tolist(),
    )  # fmt: skip


@pytest.fixture(scope="session")
def trajectory() -> MakeTrajectory:
    """A function that makes thermal hydrogen peroxide: `segments` of `frames`, hopping between torsion wells."""

    def make(
        seed: int, segments: int = 1, frames: int = 1500, frame_ps: float = 0.004, stretch: float = 1.0,
        temperature: float = 300.0, **counters: float,
    ) -> Trajectory:  # fmt: skip
        rng = np.random.default_rng(seed)
        parts = []
        for _ in range(segments):
            well = np.cumsum(rng.random(frames) < 0.02) % 3
            torsion = np.radians(60 + 120 * well) + 0.2 * ar1(rng, frames, 0.8)[:, 0]
            bonds = stretch * np.array([0.097, 0.145, 0.097]) + 0.003 * ar1(rng, frames, 0.5, 3)
            parts.append(peroxide(bonds, np.radians(100) + 0.08 * ar1(rng, frames, 0.6, 2), torsion))
        x = np.concatenate(parts)
        v = rng.normal(size=x.shape) * np.sqrt(BOLTZMANN * temperature / MASSES)[:, None]
        v -= np.einsum("fna,n->fa", v, MASSES)[:, None] / MASSES.sum()
        return Trajectory(
            numbers=np.array([1, 8, 8, 1]), masses=MASSES, positions=x, velocities=v, forces=np.zeros_like(x),
            potential=8.0 * ar1(rng, len(x), 0.7)[:, 0],
            segment=np.repeat(np.arange(segments), frames), frame_ps=frame_ps, degrees_of_freedom=9,
            counters=counters,
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory: pytest.TempPathFactory, graph: MoleculeGraph, trajectory: MakeTrajectory) -> Path:
    """A folder with the evaluations of three members at two strides, each `{member}-k{k}.csv` and `.json`.

    Jumps of egnn had a Metropolis test, and every fourth was refused.
    """
    folder = tmp_path_factory.mktemp("evaluated")
    graph.save(folder / "graph.json")
    for replica in (0, 1):
        whole = trajectory(replica, frames=3000, force_calls=24000.0, total_ms=900.0)
        whole.save(folder / f"replica{replica}.h5")
    for (seed, member), k in itertools.product(enumerate(("egnn", "verlet", "zero"), start=2), (4, 8)):
        stem = f"{member}-k{k}"
        counters = {"force_calls": 2000.0, "total_ms": 500.0, "jumps": 796.0, "accepted": 750.0, "rejected_bond": 60.0}
        run = trajectory(seed, segments=4, frames=200, frame_ps=0.001 * k, stretch=1 + 0.004 * seed, **counters)
        if member == "egnn":
            run.energy_error, run.jumps = np.linspace(-1.0, 2.0, run.n_frames), np.arange(run.n_frames) % 4 > 0
            run.provenance["chosen"] = {"friction_per_ps": 1.0}
        run.save(folder / f"{stem}.h5")
        trajectory(seed + 9, segments=3, frames=50, frame_ps=0.001 * k).save(folder / f"{stem}.nve.h5")
        settings = EvaluateSettings(
            molecule="peroxide", split="test", engine="mm", member=member, k=k, timestep_fs=1.0, temperature_K=300,
            seed=0,
        )  # fmt: skip
        evaluate(
            folder, settings, folder / f"{stem}.h5", folder / f"{stem}.nve.h5", folder / "replica0.h5",
            folder / "replica1.h5", None, folder / f"{stem}.csv", folder / f"{stem}.json",
        )  # fmt: skip
    return folder


@pytest.fixture
def record() -> Callable[..., Record]:
    """A function that makes a row of the summary."""

    def make(metric: str = "ke_ratio", value: float = 1.0, **columns: object) -> Record:
        row = {
            "molecule": "ethanol", "split": "test", "engine": "mm", "member": "egnn", "k": 4, "stride_fs": 8.0,
            "seed": 0, "metric": metric, "value": value, "floor": 1.0, "n": 10, "unit": "1",
        }  # fmt: skip
        return Record(**(row | columns))  # type: ignore[arg-type]

    return make


@pytest.fixture
def jumps(tmp_path: Path, record: Callable[..., Record]) -> Path:
    """One-jump errors of two molecules."""
    rows = [
        record(metric, error * k, molecule=molecule, member=member, k=k, stride_fs=2.0 * k)
        for molecule in ("ethanol", "acetamide")
        for member, error in (("egnn", 0.1), ("zero", 5.0), ("ballistic", 1.0))
        for k in (4, 8)
        for metric in ("jump_position_pm", "jump_velocity_relative")
    ]
    write_records(tmp_path / "jumps.csv", rows)
    return tmp_path / "jumps.csv"
