"""How a bad file of each kind is given to the command that reads it."""

import json
import shutil
from pathlib import Path

from tests.malformed.case import Arguments
from tests.malformed.good import Good, settings


def told(name: str) -> list[str]:
    return ["--settings", json.dumps(settings(name))]


def index(good: Good, prepared: Path, bursts: Path, out: Path) -> Arguments:
    return ["window", *told("window"), "--prepared", prepared, "--trajectory", bursts, "--out", out / "k4.json"]


def simulate(good: Good, prepared: Path, out: Path) -> Arguments:
    files = ["--out", out / "a.h5", "--work", out.parent / "work"]
    return ["simulate", prepared, *told("simulate"), "--run", "bursts", *files]


def with_graph(good: Good, bad: Path, out: Path) -> Arguments:
    shutil.copy(good.system, bad.parent)
    return index(good, bad.parent, good.bursts, out)


def with_system(good: Good, bad: Path, out: Path) -> Arguments:
    shutil.copy(good.graph, bad.parent)
    return simulate(good, bad.parent, out)


def with_forcefield(good: Good, bad: Path, out: Path) -> Arguments:
    return [
        "prepare", "--settings", json.dumps(settings("prepare") | {"forcefield": str(bad)}), "--out", out / "prepared"
    ]  # fmt: skip


def with_bursts(good: Good, bad: Path, out: Path) -> Arguments:
    return index(good, good.prepared, bad, out)


def with_rollout(good: Good, bad: Path, out: Path) -> Arguments:
    return [
        "evaluate", good.prepared, *told("evaluate"), "--rollout", bad, "--nve", good.rollout, "--reference",
        good.bursts, "--replica", good.bursts, "--out", out / "a.csv", "--curves", out / "a.json",
    ]  # fmt: skip


def with_windows(good: Good, bad: Path, out: Path) -> Arguments:
    files = ["--out", out / "m.safetensors", "--history", out / "h.csv", "--work", out.parent / "work"]
    return ["train", bad, *told("train"), *files]


def with_init(good: Good, bad: Path, out: Path) -> Arguments:
    files = ["--out", out / "m.safetensors", "--history", out / "h.csv", "--work", out.parent / "work"]
    return ["train", good.windows, *told("train"), "--init", bad, *files]


def with_windows_of_another_jump(good: Good, bad: Path, out: Path) -> Arguments:
    return ["jumps", bad, *told("jumps"), "--out", out / "jumps.csv"]


def with_model(good: Good, bad: Path, out: Path) -> Arguments:
    files = ["--out", out / "a.h5", "--nve", out / "b.h5", "--work", out.parent / "work"]
    engine = ["--engine", json.dumps(settings("engine"))]
    return ["rollout", good.prepared, *told("rollout"), *engine, "--start", good.bursts, "--model", bad, *files]


def with_summary(good: Good, bad: Path, out: Path) -> Arguments:
    return ["summarize", bad, "--out", out / "kstep.csv"]


def with_curves(good: Good, bad: Path, out: Path) -> Arguments:
    return ["figure", "rdf", good.summary, "--curves", bad, "--out", out / "rdf.png"]


def with_history(good: Good, bad: Path, out: Path) -> Arguments:
    return ["figure", "training", good.summary, "--history", bad, "--out", out / "training.png"]


def with_molecules(good: Good, bad: Path, out: Path) -> Arguments:
    return ["table", "dropped", bad, "--out", out / "dropped.html"]
