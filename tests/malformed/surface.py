"""What trajectory models read: surfaces, walkers on them, and the windows, models, settings and results of these."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mdsnake.store.h5md import Trajectory
from mdsnake.store.walkers import walkers_trajectory
from tests.families.trajbert.case import save
from tests.families.trajbert.toys import save_walkers, toy_model, walkers
from tests.malformed.case import Arguments, Change, Kind
from tests.malformed.changes import ANY_FILE, cut, edited, flipped, model, replaced, text, with_keys
from tests.malformed.configs import lines, put, with_config
from tests.malformed.good import Good
from tests.malformed.models import group, header, weight
from tests.malformed.trajectories import TRAJECTORIES, attribute
from tests.malformed.walkers import surface_settings

Arguing = Callable[[Good, Path, Path], Arguments]


def told(stage: str) -> list[str]:
    return ["--settings", json.dumps(surface_settings(stage))]


def simulate(prepared: Path, settings: list[str], out: Path) -> Arguments:
    files = ["--out", out / "train.h5", "--work", out.parent / "work"]
    return ["simulate", prepared, *settings, "--run", "train", *files]


def window(good: Good, walkers: Path, settings: list[str], out: Path) -> Arguments:
    files = ["--prepared", good.surface.parent, "--trajectory", walkers]
    return ["window", *settings, *files, "--out", out / "w.json"]


def train(windows: Path, settings: list[str], out: Path) -> Arguments:
    files = ["--out", out / "m.safetensors", "--history", out / "h.csv", "--work", out.parent / "work"]
    return ["train", windows, *settings, *files]


def rollout(good: Good, settings: list[str], out: Path, **files: Path) -> Arguments:
    named = {"start": good.walkers, "model": good.walker_model, "out": out / "a.h5", "work": out.parent / "work"}
    return ["rollout", good.surface.parent, *settings, *_options(named | files)]


def evaluate(good: Good, settings: list[str], out: Path, prepared: Path | None = None, **files: Path) -> Arguments:
    named = {
        "windows": good.walker_windows, "model": good.walker_model, "replica": good.walkers,
        "sampled": good.generated, "deterministic": good.generated,
        "out": out / "a.csv", "curves": out / "a.json",
    }  # fmt: skip
    return ["evaluate", prepared or good.surface.parent, *settings, *_options(named | files)]


def baselines(good: Good, windows: Path, settings: list[str], out: Path) -> Arguments:
    return ["baselines", windows, *settings, "--replica", good.walkers, "--out", out / "a.csv"]


def _options(files: dict[str, Path]) -> Arguments:
    return [word for option, path in files.items() for word in (f"--{option}", path)]


def simulate_with_exact(good: Good, bad: Path, out: Path) -> Arguments:
    shutil.copy(good.surface, bad.parent)
    return simulate(bad.parent, told("simulate"), out)


def evaluate_with_exact(good: Good, bad: Path, out: Path) -> Arguments:
    shutil.copy(good.surface, bad.parent)
    return evaluate(good, told("evaluate"), out, prepared=bad.parent)


def simulate_with_surface(good: Good, bad: Path, out: Path) -> Arguments:
    shutil.copy(good.exact, bad.parent)
    return simulate(bad.parent, told("simulate"), out)


def evaluate_with_surface(good: Good, bad: Path, out: Path) -> Arguments:
    shutil.copy(good.exact, bad.parent)
    return evaluate(good, told("evaluate"), out, prepared=bad.parent)


def system(**changes: Any) -> Change:
    return edited(lambda content: content["system"].update(changes))


EXACTS: dict[str, tuple[Change, str]] = {
    "half a file": (cut(0.5), "not valid JSON"),
    "a list": (text("[]"), ""),
    "no density": (edited(lambda e: e.pop("density") and None), "density: Field required"),
    "no time": (edited(lambda e: e.pop("t2") and None), "t2: Field required"),
    "a density that is not a number": (edited(lambda e: e["density"][3].__setitem__(4, float("nan"))), "not all"),
    "a density of one cell's lack": (edited(lambda e: e["density"].pop() and None), "not of as many cells"),
    "a density of uneven rows": (edited(lambda e: e["density"][0].append(0.1)), "density"),
    "a density below zero": (edited(lambda e: e["density"][3].__setitem__(4, -1)), "density"),
    "no density at all": (edited(lambda e: e.update(density=(0 * np.array(e["density"])).tolist())), "density"),
    "a density in words": (with_keys(density="flat"), "density"),
    "a density of maps": (with_keys(density=[{}]), "density"),
    "a density of 10⁴⁰⁰": (with_keys(density=[[10**400]]), "density"),
    "an empty grid": (with_keys(x=[], y=[], density=[], committor=[]), "density: of 1 axes"),
    "a single cell": (with_keys(x=[0], y=[0], density=[[1]], committor=[[1]]), "x and y are not"),
    "cells in disorder": (edited(lambda e: e["x"].reverse()), "x and y are not"),
    "cells unevenly spaced": (edited(lambda e: e["y"].__setitem__(-1, 9.0)), "x and y are not"),
    "a committor of other cells": (edited(lambda e: e["committor"].pop() and None), "not of as many cells"),
    "a committor above 1": (edited(lambda e: e["committor"][3].__setitem__(4, 1.5)), "committor"),
    "a time in words": (with_keys(t2="long"), "t2"),
    "a time that is not a number": (with_keys(t2=float("nan")), "t2"),
    "an infinite time": (with_keys(mfpt_ab=float("inf")), "mfpt_ab"),
    "a time below zero": (with_keys(t2=-1.0), "t2"),
    "a share above 1": (with_keys(below_half=2.0), "below_half"),
    "a free energy that is not a number": (with_keys(free_energy_difference=float("nan")), "free_energy_difference"),
}
EXACT = Kind("exact", simulate_with_exact, ANY_FILE | EXACTS)
EXACT_OF_EVALUATION = Kind(
    "exact", evaluate_with_exact, {name: EXACTS[name] for name in ("half a file", "cells in disorder")}
)
SURFACES: dict[str, tuple[Change, str]] = {
    "half a file": (cut(0.5), "not valid JSON"),
    "a number": (text("1"), ""),
    "no system": (edited(lambda s: s.pop("system") and None), "system: Field required"),
    "another family": (with_keys(family="kstep"), "family"),
    "an unknown surface": (system(surface="quartic"), "system.surface"),
    "a temperature in words": (system(kT="warm"), "system.kT"),
    "an unknown key": (system(mass=2), "system.mass: unknown key"),
    "another temperature": (system(kT=20), "prepared with other settings"),
    "other dynamics": (system(dynamics="langevin", friction=1.0), "prepared with other settings"),
}
SURFACE = Kind("surface", simulate_with_surface, ANY_FILE | SURFACES)
SURFACE_OF_EVALUATION = Kind(
    "surface", evaluate_with_surface, {name: SURFACES[name] for name in ("half a file", "another temperature")}
)


def other_walkers(change: Callable[[np.ndarray], np.ndarray]) -> Change:
    def apply(good: Path, bad: Path) -> None:
        x = change(walkers())
        still = np.zeros_like(x)
        walkers_trajectory(x, still, still, still[..., 0], 2e-4, {}, {}).save(bad)

    return apply


def uneven(good: Path, bad: Path) -> None:
    """The last walker is a frame shorter."""
    run = Trajectory.load(good)
    run.select(np.arange(run.n_frames - 1), run.segment[:-1]).save(bad)


def molecule(good: Path, bad: Path) -> None:
    """A trajectory of the family kstep."""
    shutil.copy(good.parents[1] / "bursts.h5", bad)


NO_NUMBERS = other_walkers(lambda x: np.where(np.arange(40)[:, None] == 3, np.nan, x))
OF_WALKERS: dict[str, tuple[Change, str]] = {
    name: TRAJECTORIES[name]
    for name in ("half", "99 %", "a flipped bit of its numbers", "an empty HDF5", "no velocities")
} | {
    "a molecule": (molecule, "3 atoms, where a walker is expected"),
    "another frame spacing": (attribute("parameters/mdsnake", "frame_ps", 4e-4), "its frames are 0.0004 apart"),
    "no walkers": (other_walkers(lambda x: x[:0]), "of shape (0, 1, 3)"),
    "no time between frames": TRAJECTORIES["no time between frames"],
}
WALKERS = Kind(
    "walkers",
    lambda good, bad, out: window(good, bad, told("window"), out),
    ANY_FILE
    | OF_WALKERS
    | {
        "positions that are not numbers": (NO_NUMBERS, "not all numbers are finite"),
        "infinite positions": (other_walkers(lambda x: x + np.inf), "not all numbers are finite"),
    },
)
SHORT_WALKERS = WALKERS._replace(
    cases={"walkers of twelve frames": (other_walkers(lambda x: x[:, :12]), "no window to train on")}, named="w.json"
)
STARTS = Kind(
    "walkers",
    lambda good, bad, out: rollout(good, told("rollout"), out, start=bad),
    OF_WALKERS
    | {
        "positions that are not numbers": (NO_NUMBERS, "not all numbers are finite"),
        "too few walkers": (other_walkers(lambda x: x[:3]), "3 walkers of 40 frames, but 4 of 8"),
        "too few frames": (other_walkers(lambda x: x[:, :7]), "6 walkers of 7 frames, but 4 of 8"),
        "walkers of several lengths": (uneven, "different numbers of frames"),
    },
)
REPLICAS = Kind(
    "walkers",
    lambda good, bad, out: evaluate(good, told("evaluate"), out, replica=bad),
    OF_WALKERS
    | {
        "positions that are not numbers": (NO_NUMBERS, "not all numbers are finite"),
        "too few frames": (other_walkers(lambda x: x[:, :19]), "fewer walkers or frames than a roll-out"),
        "walkers of several lengths": (uneven, "different numbers of frames"),
    },
)
GENERATED = Kind(
    "generated",
    lambda good, bad, out: evaluate(good, told("evaluate"), out, sampled=bad),
    {name: case for name, case in ANY_FILE.items() if name != "a link to itself"}
    | OF_WALKERS
    | {"walkers of several lengths": (uneven, "different numbers of frames")},
)


def of_molecules(good: Path, bad: Path) -> None:
    """Windows of the family kstep."""
    shutil.copy(good.parents[1] / "k4.json", bad)


def about(**changes: Any) -> Change:
    return edited(lambda told: told["about"].update(changes))


def of_system(**changes: Any) -> Change:
    return edited(lambda told: told["about"]["system"].update(changes))


def of_window(**changes: Any) -> Change:
    return edited(lambda told: told["about"]["window"].update(changes))


WINDOWS_OF_WALKERS = Kind(
    "walker_windows",
    lambda good, bad, out: train(bad, told("train"), out),
    ANY_FILE
    | {
        "half a file": (cut(0.5), "not valid JSON"),
        "of molecules": (of_molecules, "windows of another family"),
        "another family": (about(family="protvae"), "windows of another family"),
        "a window of no frames": (of_window(length=0), "window.length"),
        "a window of 10⁹ frames": (of_window(length=10**9), "window.length"),
        "a shortest window above the longest": (of_window(shortest=13), "shortest must not be above length"),
        "an unknown surface": (of_system(surface="quartic"), "system.surface"),
        "a temperature that is not a number": (of_system(kT=float("nan")), "system.kT"),
        "no groups": (with_keys(groups=[]), "no window to train on"),
        "an unknown split": (group(split="learn"), "groups.0.split"),
        "negative starts": (group(starts=[-1]), "groups.0.starts.0"),
        "two files to train on": (edited(lambda told: told["groups"].append(told["groups"][0])), "2 files"),
    },
)


def standing_still(good: Path, bad: Path) -> None:
    save_walkers(bad.with_name("train.h5"), np.ones((6, 40, 2)))
    group(trajectory=str(bad.with_name("train.h5")))(good, bad)


WINDOWS_OF_STILL_WALKERS = WINDOWS_OF_WALKERS._replace(
    cases={"of walkers that stand still": (standing_still, "stand still")}
)
WINDOWS_OF_OTHER_WALKERS = WINDOWS_OF_WALKERS._replace(
    cases={
        "starts past the end": (group(starts=[10_000]), "fewer frames"),
        "a start too late for its window": (group(starts=[228]), "fewer frames"),
        "a start of 10³⁰": (group(starts=[10**30]), "fewer frames"),
        "a window across two walkers": (group(starts=[30]), "spans two walkers"),
        "another frame spacing": (of_system(record=4e-4), "its frames are 0.0002 apart, not 0.0004"),
    },
    named="train.h5",
)
JUDGED_WINDOWS: dict[str, tuple[Change, str]] = {
    "of molecules": (of_molecules, "windows of another family"),
    "another temperature": (of_system(kT=20), "made for other dynamics"),
    "no test windows": (edited(lambda told: told["groups"].pop() and None), "no window of the split test"),
}
TEST_WINDOWS = Kind(
    "walker_windows", lambda good, bad, out: evaluate(good, told("evaluate"), out, windows=bad), JUDGED_WINDOWS
)
WINDOWS_OF_BASELINES = Kind(
    "walker_windows",
    lambda good, bad, out: baselines(good, bad, told("baselines"), out),
    JUDGED_WINDOWS
    | {"no training windows": (edited(lambda told: told["groups"].pop(0) and None), "no window of the split train")},
)


def of_kstep(good: Path, bad: Path) -> None:
    shutil.copy(good.parents[1] / "model.safetensors", bad)


def told_of(part: str, **changes: Any) -> Change:
    """A model whose header tells other things in a part like `about.system`."""

    def change(content: dict[str, Any]) -> None:
        for key in part.split("."):
            content = content[key]
        content.update(changes)

    return model(header=change)


MODELS_OF_WALKERS: dict[str, tuple[Change, str]] = {
    "half": (cut(0.5), "damaged"),
    "a flipped bit of its weights": (flipped(0.9), "damaged"),
    "a model of jumps": (of_kstep, "a model of family 'kstep'"),
    "another family": (header(family="trajdiff"), "a model of family 'trajdiff'"),
    "no family": (model(header=lambda told: {"format": 1}), "a model of family None"),
    "another temperature": (told_of("about.system", kT=20.0), "trained for kT 20.0, asked for 15.0"),
    "other dynamics": (
        told_of("about.system", dynamics="langevin", friction=1.0),
        "trained for dynamics 'langevin'",
    ),
    "impossible dynamics": (told_of("about.system", dynamics="langevin"), "about.system: friction"),
    "another frame spacing": (told_of("about.system", record=4e-4), "trained for record 0.0004"),
    "no dynamics": (header(about={}), "about.name: Field required"),
    "a network in words": (header(network="bert"), "network"),
    "an unknown mode": (told_of("network", mode="sideways"), "network.mode"),
    "heads that do not share the width": (told_of("network", attention_heads=3), "width must be a multiple"),
    "a network of 10⁹ layers": (told_of("network", layers=10**9), "network.layers"),
    "a network 10⁹ wide": (told_of("network", width=10**9), "network.width"),
    "layers 10⁹ wide": (told_of("network", feed_forward=10**9), "network.feed_forward"),
    "another network": (told_of("network", width=16), "do not fit"),
    "another head": (told_of("network", head="mse"), "do not fit"),
    "weights of another shape": (weight(lambda w: w[:1].clone()), "do not fit"),
    "weights that are not numbers": (weight(lambda w: w * torch.nan), "not all finite"),
    "a weight too few": (model(weights=lambda state: state.pop(min(state)) is None or state), "do not fit"),
    "a weight too many": (model(weights=lambda state: state | {"more": torch.ones(3)}), "do not fit"),
}
MODELS_THAT_GENERATE = Kind(
    "walker_model",
    lambda good, bad, out: rollout(good, told("rollout"), out, model=bad),
    {name: case for name, case in ANY_FILE.items() if name != "2 GiB of nothing"} | MODELS_OF_WALKERS,
)
MODELS_THAT_ARE_JUDGED = Kind(
    "walker_model",
    lambda good, bad, out: evaluate(good, told("evaluate"), out, model=bad),
    {name: MODELS_OF_WALKERS[name] for name in ("half", "a model of jumps", "other dynamics")},
)
FIRST_MODELS = Kind(
    "walker_model",
    lambda good, bad, out: [*train(good.walker_windows, told("train"), out), "--init", bad],
    {"one at all": (lambda good, bad: shutil.copy(good, bad), "trains from scratch")},
)


def setting(stage: str, place: str, value: Any) -> Change:
    """The settings of a stage with `value` at a place like `system.kT`."""
    content = surface_settings(stage)
    *path, last = place.split(".")
    part = content
    for key in path:
        part = part[key]
    part[last] = value
    return lines(content)


def lacking(stage: str, key: str) -> Change:
    return lines({name: value for name, value in surface_settings(stage).items() if name != key})


def settings_of(arguing: Callable[[Good, list[str], Path], Arguments], cases: dict[str, tuple[Change, str]]) -> Kind:
    def command(good: Good, bad: Path, out: Path) -> Arguments:
        return arguing(good, ["--settings", bad.read_text()], out)

    return Kind("surface", command, cases, named="--settings")


TO_PREPARE = settings_of(
    lambda good, settings, out: ["prepare", *settings, "--out", out],
    {
        "an open brace": (text("{"), "not valid JSON"),
        "no system": (lacking("prepare", "system"), "system: Field required"),
        "no name": (lacking("prepare", "name"), "name: Field required"),
        "a system in words": (setting("prepare", "system", "mb"), "system: "),
        "an unknown key": (setting("prepare", "seed", 0), "seed: unknown key"),
        "an unknown surface": (setting("prepare", "system.surface", "quartic"), "system.surface"),
        "unknown dynamics": (setting("prepare", "system.dynamics", "brownian"), "system.dynamics"),
        "too cold": (setting("prepare", "system.kT", 4.9), "system.kT"),
        "too hot": (setting("prepare", "system.kT", 26), "system.kT"),
        "a temperature that is not a number": (setting("prepare", "system.kT", float("nan")), "system.kT"),
        "a temperature that is true": (setting("prepare", "system.kT", True), "a number is needed"),
        "langevin without friction": (setting("prepare", "system.dynamics", "langevin"), "system: friction"),
        "friction that nothing has": (setting("prepare", "system.friction", 1), "system: friction"),
        "no friction at all": (setting("prepare", "system.friction", 0), "system.friction"),
        "a long time step": (setting("prepare", "system.timestep", 5e-4), "system: timestep"),
        "a time step of 10⁻³⁰⁰": (setting("prepare", "system.timestep", 1e-300), "system: record"),
        "frames between steps": (setting("prepare", "system.record", 2.5e-4), "system: record must be a multiple"),
        "frames of a year": (setting("prepare", "system.record", 1e9), "system: record"),
    },
)
TO_SIMULATE = settings_of(
    lambda good, settings, out: simulate(good.surface.parent, settings, out),
    {
        "no walkers": (setting("simulate", "extent.walkers", 0), "extent.walkers"),
        "half a walker": (setting("simulate", "extent.walkers", 0.5), "extent.walkers"),
        "two frames": (setting("simulate", "extent.frames", 2), "extent.frames"),
        "10⁸ frames": (setting("simulate", "extent.frames", 10**8), "extent.frames"),
        "10¹⁶ frames in all": (setting("simulate", "extent", {"walkers": 10**9, "frames": 10**7}), "extent: "),
        "an extent in a list": (setting("simulate", "extent", [2, 20]), "extent"),
        "a negative seed": (setting("simulate", "seed", -1), "seed"),
        "a seed in words": (setting("simulate", "seed", "zero"), "seed"),
    },
)
OTHER_FAMILIES = Kind(
    "surface",
    TO_SIMULATE.command,
    {
        "a family that is not there": (setting("simulate", "family", "trajdiff"), "no 'trajdiff' here"),
        "a family in a list": (setting("simulate", "family", ["trajbert"]), "here; choose from kstep, trajbert"),
        "a family without a name": (setting("simulate", "family", None), "here; choose from kstep, trajbert"),
    },
    named="simulate: family",
)
RUNS = Kind(
    "surface",
    lambda good, bad, out: [
        bad.read_text() if word == "train" else word for word in simulate(good.surface.parent, told("simulate"), out)
    ],
    {
        "a run of molecules": (text("bursts"), "choose from train, validation, test, replica0, replica1"),
        "a third replica": (text("replica2"), "choose from train"),
    },
    named="--run",
)
TO_WINDOW = settings_of(
    lambda good, settings, out: window(good, good.walkers, settings, out),
    {
        "a window of one frame": (setting("window", "window.length", 1), "window.length"),
        "a window of 1,025 frames": (setting("window", "window.length", 1025), "window.length"),
        "no stride": (setting("window", "window.stride", 0), "window.stride"),
        "a shortest window above the longest": (setting("window", "window.shortest", 13), "window: shortest"),
        "first windows perhaps": (setting("window", "window.first_only", "perhaps"), "window.first_only"),
        "no window": (lacking("window", "window"), "window: Field required"),
    },
)
TO_TRAIN = settings_of(
    lambda good, settings, out: train(good.walker_windows, settings, out),
    {
        "an unknown mode": (setting("train", "network.mode", "sideways"), "network.mode"),
        "an unknown head": (setting("train", "network.head", "softmax"), "network.head"),
        "heads that do not share the width": (setting("train", "network.attention_heads", 3), "network: width"),
        "a network 10⁹ wide": (setting("train", "network.width", 10**9), "network.width"),
        "a network of 10⁹ layers": (setting("train", "network.layers", 10**9), "network.layers"),
        "layers 10⁹ wide": (setting("train", "network.feed_forward", 10**9), "network.feed_forward"),
        "65 components": (setting("train", "network.components", 65), "network.components"),
        "an unknown covariance": (setting("train", "network.covariance", "round"), "network.covariance"),
        "a weight below zero": (setting("train", "loss.state", -1), "loss.state"),
        "no steps": (setting("train", "training.max_steps", 0), "training.max_steps"),
        "settings of another family": (setting("train", "augmentation", {}), "augmentation: unknown key"),
    },
)
TO_ROLL_OUT = settings_of(
    lambda good, settings, out: rollout(good, settings, out),
    {
        "no walkers": (setting("rollout", "rollout.walkers", 0), "rollout.walkers"),
        "no frames": (setting("rollout", "rollout.frames", 0), "rollout.frames"),
        "a prompt of one frame": (setting("rollout", "rollout.prompt", 1), "rollout.prompt"),
        "a slide of none": (setting("rollout", "rollout.slide", 0), "rollout.slide"),
        "an unknown way": (setting("rollout", "how", "beam"), "how"),
        "no member": (lacking("rollout", "member"), "member: Field required"),
        "10¹³ frames in all": (setting("rollout", "rollout", {"walkers": 10**4, "frames": 10**9}), "rollout: "),
    },
)
WITHOUT_DENSITY = Kind(
    "walker_model",
    lambda good, bad, out: rollout(good, told("rollout"), out, model=bad),
    {"a head without a density": (lambda good, bad: save(bad, toy_model(head="mse")), "has no density to draw from")},
    named="rollout: ",
)
LONG_ROLLOUTS = TO_ROLL_OUT._replace(
    cases={
        "a prompt longer than windows": (setting("rollout", "rollout.prompt", 13), "prompt + slide - 1 is 13"),
        "a slide longer than windows": (setting("rollout", "rollout.slide", 6), "prompt + slide - 1 is 13"),
    },
    named="rollout: ",
)
TO_EVALUATE = settings_of(
    lambda good, settings, out: evaluate(good, settings, out),
    {
        "no rollout": (lacking("evaluate", "rollout"), "rollout: Field required"),
        "a member in numbers": (setting("evaluate", "member", 3), "member"),
        "an unknown key": (setting("evaluate", "k", 4), "k: unknown key"),
    },
)
TO_COMPARE = settings_of(
    lambda good, settings, out: baselines(good, good.walker_windows, settings, out),
    {
        "an unknown baseline": (setting("baselines", "baselines", ["oracle"]), "baselines.0"),
        "baselines in words": (setting("baselines", "baselines", "msm"), "baselines"),
        "impossible dynamics": (setting("baselines", "system.friction", 1), "system: friction"),
    },
)
OF_SETTINGS = {
    "prepare": TO_PREPARE, "simulate": TO_SIMULATE, "window": TO_WINDOW, "train": TO_TRAIN, "rollout": TO_ROLL_OUT,
    "evaluate": TO_EVALUATE, "baselines": TO_COMPARE,
}  # fmt: skip
SCORES = Kind(
    "scores",
    lambda good, bad, out: ["summarize", bad, "--family", "trajbert", "--out", out / "trajbert.csv"],
    ANY_FILE
    | {
        "half a header": (text("system,mem\n"), "header: no column"),
        "a summary of molecules": (
            lambda good, bad: shutil.copy(good.parents[1] / "egnn.csv", bad),
            "no column 'system'",
        ),
        "a row cut short": (cut(0.99), ""),
        "a seed in words": (replaced(",0,", ",zero,"), "not a row of a summary"),
    },
)
NO_SCORES: dict[str, tuple[Change, str]] = {
    "a header alone": (text("system,member,how,seed,metric,value,floor,n,unit\n"), "no rows")
}
SCORES_OF_TABLES = Kind(
    "scores",
    lambda good, bad, out: ["table", "models", bad, "--family", "trajbert", "--out", out / "models.html"],
    NO_SCORES,
)
SCORES_OF_FIGURES = Kind(
    "scores",
    lambda good, bad, out: ["figure", "kinetics", bad, "--family", "trajbert", "--out", out / "kinetics.png"],
    NO_SCORES,
)


def draw(name: str) -> Arguing:
    return lambda good, bad, out: [
        "figure", name, good.scores, "--curves", bad, "--family", "trajbert", "--out", out / "a.png"
    ]  # fmt: skip


def drawn(change: Callable[[dict[str, Any]], object]) -> Change:
    def apply(told: dict[str, Any]) -> None:
        change(told)

    return edited(apply)


DRAWINGS = Kind(
    "drawing",
    draw("density"),
    ANY_FILE
    | {
        "half a file": (cut(0.5), "not valid JSON"),
        "curves of molecules": (
            lambda good, bad: shutil.copy(good.parents[1] / "egnn.json", bad),
            "settings.molecule: unknown key",
        ),
        "no settings": (drawn(lambda told: told.pop("settings")), "settings: Field required"),
        "no attention": (drawn(lambda told: told.pop("attention")), "attention: Field required"),
        "no exact density": (drawn(lambda told: told["densities"].pop("exact")), "densities"),
        "a density of other squares": (drawn(lambda told: told["densities"]["exact"].pop()), "densities"),
        "uneven rows": (drawn(lambda told: told["densities"]["exact"][0].pop()), "densities"),
        "an edge too few": (drawn(lambda told: told["x"].pop()), "densities"),
        "slices of several lengths": (drawn(lambda told: told["slices"]["value"].pop()), "slices"),
        "no heads": (drawn(lambda told: told["attention"].update(heads=[])), "attention"),
        "a head of other frames": (drawn(lambda told: told["attention"]["heads"][0].pop()), "attention"),
        "uneven attention": (drawn(lambda told: told["attention"]["mean"][0].pop()), "attention"),
        "a time difference too few": (drawn(lambda told: told["attention"]["difference"].pop()), "attention"),
        "attention in words": (drawn(lambda told: told["attention"].update(mean="high")), "attention.mean"),
    },
)
NO_DRAWINGS = Kind(
    "scores",
    lambda good, bad, out: ["figure", bad.read_text(), good.scores, "--family", "trajbert", "--out", out / "a.png"],
    {name: (text(name), "give it") for name in ("learning", "later_slices", "attention", "attention_time", "density")},
    named="figure: ",
)


CONFIGS_OF_WALKERS = Kind(
    "config",
    with_config,
    {
        f"{name} (trajbert)": (put(f"trajbert.{place}", value), words)
        for name, place, value, words in [
            ("an unknown key", "members", {}, "trajbert.members: unknown key"),
            ("no systems", "systems", {}, "trajbert.systems"),
            ("systems in a list", "systems", ["mb"], "trajbert.systems"),
            ("a system of nothing", "systems.mb", None, "trajbert.systems.mb"),
            ("an unknown key of a system", "systems.mueller-brown.mass", 1, "mueller-brown.mass: unknown key"),
            ("an unknown surface", "systems.mueller-brown.surface", "quartic", "mueller-brown.surface"),
            ("unknown dynamics", "systems.mueller-brown.dynamics", "newton", "mueller-brown.dynamics"),
            ("langevin without friction", "systems.mueller-brown.dynamics", "langevin", "friction: langevin"),
            ("friction that nothing has", "systems.mueller-brown.friction", 1.0, "friction: langevin"),
            ("negative friction", "systems.mueller-brown.friction", -1.0, "mueller-brown.friction"),
            ("too cold", "systems.mueller-brown.kT", 0.1, "mueller-brown.kT"),
            ("too hot", "systems.mueller-brown.kT", 300, "mueller-brown.kT"),
            ("a temperature with its unit", "systems.mueller-brown.kT", "300 K", "mueller-brown.kT"),
            ("a temperature that is not a number", "systems.mueller-brown.kT", float("nan"), "mueller-brown.kT"),
            ("an infinite time step", "systems.mueller-brown.timestep", float("inf"), "mueller-brown.timestep"),
            ("a time step of zero", "systems.mueller-brown.timestep", 0, "mueller-brown.timestep"),
            ("a long time step", "systems.mueller-brown.timestep", 0.05, "timestep: overdamped dynamics needs"),
            ("frames between steps", "systems.mueller-brown.record", 3e-4, "record must be a multiple of timestep"),
            ("10¹² steps between frames", "systems.mueller-brown.record", 1e9, "record must be"),
            ("frames of 10³⁰⁰", "systems.mueller-brown.record", 1e300, "mueller-brown.record"),
            ("no walkers", "trajectories.train.walkers", 0, "trajectories.train.walkers"),
            ("10¹² walkers", "trajectories.train.walkers", 10**12, "trajectories.train.walkers"),
            ("10⁸ frames", "trajectories.test.frames", 10**8, "trajectories.test.frames"),
            ("10¹⁶ frames in all", "trajectories.test", {"walkers": 10**9, "frames": 10**7}, "trajectories.test: "),
            ("two frames", "trajectories.validation.frames", 2, "trajectories.validation.frames"),
            ("an unknown split", "trajectories.learn", {}, "trajectories.learn: unknown key"),
            ("a reference shorter than roll-outs", "trajectories.reference.frames", 199, "trajectories.reference"),
            ("a reference of fewer walkers", "trajectories.reference.walkers", 7, "trajectories.reference"),
            ("a window of one frame", "window.length", 1, "window.length"),
            ("a window as long as a trajectory", "window.length", 65, "window.length must be less than"),
            ("a window longer than any position", "window.length", 2000, "window.length"),
            ("a shortest window above the longest", "window.shortest", 17, "shortest must not be above length"),
            ("a stride of none", "window.stride", 0, "window.stride"),
            ("a stride of a half", "window.stride", 0.5, "window.stride"),
            ("an unknown size", "sizes", ["huge"], "trajbert.sizes.0"),
            ("no sizes", "sizes", [], "trajbert.sizes"),
            ("an unknown mode", "modes", ["sideways"], "trajbert.modes.0"),
            ("a mode alone", "modes", "causal", "trajbert.modes"),
            ("an unknown head", "heads", ["softmax"], "trajbert.heads.0"),
            ("no heads", "heads", [], "trajbert.heads"),
            ("no components", "mixture", {"components": 0}, "mixture.components"),
            ("an unknown covariance", "mixture", {"covariance": "round"}, "mixture.covariance"),
            ("a batch of none", "train.batch_size", 0, "train.batch_size"),
            ("a learning rate below zero", "train.learning_rate", -1e-3, "train.learning_rate"),
            ("a weight that is not a number", "loss", {"state": float("nan")}, "loss.state"),
            ("a prompt above the window", "rollout.prompt", 17, "prompt + slide - 1"),
            ("a slide above the window", "rollout.slide", 2, "prompt + slide - 1"),
            ("no roll-outs", "rollout.walkers", 0, "rollout.walkers"),
            ("10¹² frames", "rollout.frames", 10**12, "rollout.frames"),
            ("an unknown baseline", "baselines", ["oracle"], "trajbert.baselines.0"),
            ("no seeds", "seeds", [], "trajbert.seeds"),
            ("a negative seed", "seeds", [-1], "trajbert.seeds.0"),
        ]
    }
    | {
        f"a system {name}": (put(f"trajbert.systems.{key}", {"kT": 15, "timestep": 1e-4, "record": 1e-3}), words)
        for name, key, words in [
            ("in capitals", "MB", "trajbert.systems.MB"),
            ("with a slash", "m/b", "trajbert.systems.m/b"),
            ("for the shell", "$(id)", "trajbert.systems.$(id)"),
            ("of a wildcard", "{system}", "trajbert.systems.{system}"),
            ("like an option", "-mb", "trajbert.systems.-mb"),
            ("without a name", "", "trajbert.systems."),
            ("of 61 characters", "mb" * 30 + "a", "trajbert.systems.mb"),
            ("that Snakemake takes for a loop", "m" + "b" * 20, "ends in the same letters twenty times"),
        ]
    },
)

KINDS_OF_WALKERS: dict[str, tuple[Kind, ...]] = {
    "surface": (SURFACE, SURFACE_OF_EVALUATION, EXACT, EXACT_OF_EVALUATION),
    "walkers": (WALKERS, SHORT_WALKERS, STARTS, REPLICAS, GENERATED),
    "windows of walkers": (
        WINDOWS_OF_WALKERS,
        WINDOWS_OF_STILL_WALKERS,
        WINDOWS_OF_OTHER_WALKERS,
        TEST_WINDOWS,
        WINDOWS_OF_BASELINES,
    ),
    "model of walkers": (MODELS_THAT_GENERATE, MODELS_THAT_ARE_JUDGED, FIRST_MODELS, WITHOUT_DENSITY),
    "configuration of walkers": (CONFIGS_OF_WALKERS,),
    "settings of walkers": (OTHER_FAMILIES, RUNS, LONG_ROLLOUTS, *OF_SETTINGS.values()),
    "evaluation of walkers": (SCORES, SCORES_OF_TABLES, SCORES_OF_FIGURES, DRAWINGS, NO_DRAWINGS),
}
