"""Configurations and settings."""

import json
from pathlib import Path
from typing import Any

import yaml

from tests.malformed.case import Arguments, Change, Kind
from tests.malformed.changes import ANY_FILE, cut, text
from tests.malformed.good import Good, settings


def with_config(good: Good, bad: Path, out: Path) -> Arguments:
    return ["check", bad]


def with_settings(good: Good, bad: Path, out: Path) -> Arguments:
    files = ["--out", out / "a.h5", "--work", out.parent / "work"]
    return ["simulate", good.prepared, "--settings", bad, "--run", "bursts", *files]


def with_text(good: Good, bad: Path, out: Path) -> Arguments:
    files = ["--out", out / "a.h5", "--work", out.parent / "work"]
    return ["simulate", good.prepared, "--settings", bad.read_text(), "--run", "bursts", *files]


def put(place: str, value: Any) -> Change:
    """The configuration with `value` at a place like `engines.mm.timestep_fs`."""

    def change(good: Path, bad: Path) -> None:
        told = yaml.safe_load(good.read_text())
        *path, last = place.split(".")
        part = told
        for key in path:
            part = part[key]
        part[last] = value
        bad.write_text(yaml.safe_dump(told, allow_unicode=True))

    return change


def without(place: str) -> Change:
    def change(good: Path, bad: Path) -> None:
        told = yaml.safe_load(good.read_text())
        *path, last = place.split(".")
        part = told
        for key in path:
            part = part[key]
        del part[last]
        bad.write_text(yaml.safe_dump(told))

    return change


def appended(more: str) -> Change:
    return lambda good, bad: bad.write_text(good.read_text() + more)


def lines(content: Any) -> Change:
    return text(json.dumps(content))


MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i + 1}: &a{i + 1}\n" + "  <<: [" + ", ".join([f"*a{i}"] * 10) + "]\n" for i in range(9)
)
ALIASES = "a0: &a0 [ha]\n" + "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]\n" for i in range(30))
ENGINE = yaml.safe_load((Path(__file__).parents[1] / "workflow" / "smoke.yaml").read_text())["engines"]["mm"]

YAML_FAULTS: dict[str, tuple[Change, str]] = {
    "half a line": (text("seed: [1\nname: b"), "not valid YAML"),
    "tabs": (text("seed: 1\nengine:\n\tpotential: openmm\n"), "not valid YAML"),
    "a list": (text("- 1\n- 2\n"), ""),
    "a word": (text("seed\n"), ""),
    "a tag of Python": (text("!!python/object/apply:os.mkdir [unpickled]\n"), "not valid YAML"),
    "an anchor that is not there": (text("seed: *here\n"), "not valid YAML"),
    "a key twice": (text("seed: 1\nname: a\nseed: 2\n"), "the key 'seed' stands there twice"),
    "an alias of itself": (text("seed: &a [*a]\n"), ""),
    "a billion merges": (text(MERGES), "too many merged keys"),
    "a billion aliases": (text(ALIASES), ""),
    "nested 1,000 deep": (text("a: " + "[" * 1_000), "not valid YAML"),
    "a number of 5,000 digits": (text("seed: " + "9" * 5000 + "\n"), ""),
    "a day that is none": (text("seed: 2001-99-99\n"), "not valid YAML"),
    "two documents": (text("seed: 1\n---\nseed: 2\n"), "not valid YAML"),
    "JSON cut short": (text('{"seed": 1,'), "not valid YAML"),
    "a page of HTML": (text("<!DOCTYPE html><html>\n<body>404</body>\n"), ""),
}
SETTINGS_FILES = Kind("config", with_settings, ANY_FILE | YAML_FAULTS)

SETTINGS = Kind(
    "config",
    with_text,
    {
        "an open brace": (text("{"), "not valid JSON"),
        "apostrophes": (text("{'name': 'a'}"), "not valid JSON"),
        "nested 20,000 deep": (text('{"a":' * 20_000), "not valid JSON"),
        "a number of 5,000 digits": (text('{"seed": ' + "9" * 5000 + "}"), "not valid JSON"),
        "an empty map": (text("{}"), "name: Field required"),
        "an unknown key": (lines(settings("simulate") | {"seeds": 1}), "seeds: unknown key"),
        "a seed of a half": (lines(settings("simulate") | {"seed": 0.5}), "seed"),
        "a negative seed": (lines(settings("simulate") | {"seed": -1}), "seed"),
        "a seed of 64 bits": (lines(settings("simulate") | {"seed": 2**64}), "seed"),
        "a seed that is true": (lines(settings("simulate") | {"seed": True}), "seed: a number is needed"),
        "a name in numbers": (lines(settings("simulate") | {"name": 3}), "name"),
        "a time step of 10⁻⁹ fs": (
            lines(settings("simulate") | {"engine": settings("engine") | {"timestep_fs": 1e-9}}),
            "engine: timestep_fs: more than 10⁹ steps",
        ),
        "bursts of 10¹⁰ steps": (
            lines(settings("simulate") | {"engine": settings("engine") | {"timestep_fs": 1e-9, "record_fs": 1e-9}}),
            "timestep_fs: more than 10⁹ steps in a burst or between two",
        ),
        "an engine in words": (lines(settings("simulate") | {"engine": "mm"}), "engine"),
    },
    named="--settings",
)

CONFIGS = Kind(
    "config",
    with_config,
    ANY_FILE
    | YAML_FAULTS
    | {
        "half a file": (cut(0.5), ""),
        "a key twice": (appended("\nmolecules: other.tsv\n"), "the key 'molecules' stands there twice"),
        "an unknown key": (put("sead", 1), "sead: unknown key"),
        "an unknown key of an engine": (put("engines.mm.constrains", "hbonds"), "engines.mm.constrains: unknown key"),
        "no engines": (without("engines"), "engines: Field required"),
        "engines that are none": (put("engines", {}), "engines"),
        "engines in a list": (put("engines", [ENGINE]), "engines"),
        "no family": (without("kstep"), "kstep: Field required"),
        "no members": (without("kstep.members"), "kstep.members: Field required"),
        "members in a list": (put("kstep.members", ["egnn"]), "kstep.members"),
        "an unknown potential": (put("engines.mm.potential", "amber"), "engines.mm.potential"),
        "a calculator without a method": (put("engines.qm.calculator", "tblite"), "engines.qm.calculator"),
        "a calculator for the shell": (put("engines.qm.calculator", "os:system('id')"), "engines.qm.calculator"),
        "constraints for quantum chemistry": (put("engines.qm.constraints", "hbonds"), "constraints need potential"),
        "a time step that is not a number": (put("engines.mm.timestep_fs", float("nan")), "engines.mm.timestep_fs"),
        "an infinite time step": (put("engines.mm.timestep_fs", float("inf")), "engines.mm.timestep_fs"),
        "a negative time step": (put("engines.mm.timestep_fs", -1), "engines.mm.timestep_fs"),
        "no time step at all": (put("engines.mm.timestep_fs", None), "engines.mm.timestep_fs"),
        "a time step that is true": (put("engines.mm.timestep_fs", True), "a number is needed"),
        "a time step with its unit": (put("engines.mm.timestep_fs", "2 fs"), "engines.mm.timestep_fs"),
        "a time step of 10⁻³⁰⁸ fs": (put("engines.mm.timestep_fs", 1e-308), "engines.mm: timestep_fs: more than 10⁹"),
        "10³⁰⁰ ps": (put("engines.mm.production_ps", 1e300), "engines.mm.production_ps"),
        "a production of zero": (put("engines.mm.production_ps", 0), "engines.mm.production_ps"),
        "frames between steps": (put("engines.mm.record_fs", 5), "record_fs must be a multiple of timestep_fs"),
        "frames within a step": (put("engines.mm.record_fs", 1e-9), "record_fs must be a multiple of timestep_fs"),
        "one replica": (put("engines.mm.replicas", 1), "engines.mm.replicas"),
        "a billion replicas": (put("engines.mm.replicas", 10**9), "engines.mm.replicas"),
        "a million million bursts": (put("engines.mm.bursts.count", 10**12), "engines.mm.bursts.count"),
        "bursts without a length": (without("engines.mm.bursts.length_fs"), "engines.mm.bursts.length_fs"),
        "bursts that start from no engine": (put("engines.mm.bursts.start", "dft"), "dft is no engine"),
        "bursts that start from themselves": (put("engines.mm.bursts.start", "mm"), "mm starts elsewhere itself"),
        "a temperature below zero": (put("engines.mm.temperature_K", -300), "engines.mm.temperature_K"),
        "an engine in capitals": (put("engines.MM", ENGINE), "engines.MM"),
        "an engine with a slash": (put("engines", {"m/m": ENGINE}), "engines.m/m"),
        "an engine for the shell": (put("engines", {"$(id)": ENGINE}), "engines.$(id)"),
        "an engine of 300 characters": (put("engines", {"m" * 300: ENGINE}), "engines.mmm"),
        "an engine without a name": (put("engines", {"": ENGINE}), "engines."),
        "k of zero": (put("kstep.engines.mm.k", [0]), "kstep.engines.mm.k.0"),
        "k of one": (put("kstep.engines.mm.k", [1]), "kstep.engines.mm.k.0"),
        "k of a half": (put("kstep.engines.mm.k", [4.5]), "kstep.engines.mm.k.0"),
        "no k": (put("kstep.engines.mm.k", []), "kstep.engines.mm.k"),
        "k alone": (put("kstep.engines.mm.k", 4), "kstep.engines.mm.k"),
        "k longer than a burst": (put("kstep.engines.mm.k", [4, 1000]), "is longer than a burst"),
        "k between frames": (put("kstep.engines.mm.k", [4, 5]), "are no multiple of record_fs"),
        "a family without engines": (put("kstep.engines", {}), "kstep.engines"),
        "a family's engine that is not there": (
            lambda good, bad: bad.write_text(good.read_text().replace("    qm:", "    dft:")),
            "no such engine under engines",
        ),
        "a member without a kind": (put("kstep.members.egnn", {"width": 16}), "kstep.members.egnn.kind"),
        "a member of an unknown kind": (put("kstep.members.egnn.kind", "mlp"), "kstep.members.egnn.kind"),
        "a member in capitals": (put("kstep.members.EGNN", {"kind": "egnn"}), "kstep.members.EGNN"),
        "a member for the shell": (put("kstep.members", {"a;id": {"kind": "egnn"}}), "kstep.members.a;id"),
        "a member with a slash": (put("kstep.members", {"a/b": {"kind": "egnn"}}), "kstep.members.a/b"),
        "a member of 300 characters": (put("kstep.members", {"a" * 300: {"kind": "egnn"}}), "kstep.members.aaa"),
        "a member called like a control": (put("kstep.members.verlet", {"kind": "egnn"}), "belongs to a control"),
        "heads that do not share the width": (
            put("kstep.members.transformer-egnn.heads", 3),
            "width must be a multiple of heads",
        ),
        "no heads": (put("kstep.members.transformer-egnn.heads", 0), "heads"),
        "a width of 10⁹": (put("kstep.members.egnn.width", 10**9), "kstep.members.egnn.width"),
        "a network without layers": (put("kstep.members.egnn.layers", 0), "kstep.members.egnn.layers"),
        "a transfer from an engine that is not there": (
            put("kstep.engines.qm.transfer", {"engine": "dft", "k": 4}),
            "no model is trained on dft",
        ),
        "a transfer from a k that is not trained": (
            put("kstep.engines.qm.transfer", {"engine": "mm", "k": 5}),
            "no model is trained on mm",
        ),
        "a transfer from itself": (put("kstep.engines.qm.transfer", {"engine": "qm", "k": 8}), "its own source"),
        "a transfer without k": (
            put("kstep.engines.qm.transfer", {"engine": "mm"}),
            "transfer: name either engine and k",
        ),
        "a transfer from nothing": (
            put("kstep.engines.qm.transfer", {"frozen_layers": 1}),
            "transfer: name either engine and k",
        ),
        "a transfer that leaves nothing to train": (
            put("kstep.engines.qm.transfer", {"engine": "mm", "k": 4, "frozen_layers": 2}),
            "transfer.frozen_layers: 2 of the",
        ),
        "a transfer from two models": (
            put("kstep.engines.qm.transfer", {"engine": "mm", "k": 4, "model": "a.safetensors"}),
            "transfer: name either engine and k",
        ),
        "a transfer from a model for the shell": (
            put("kstep.engines.qm.transfer", {"model": "$(id).safetensors"}),
            "transfer.model: write a path",
        ),
        "a transfer from a model of a wildcard": (
            put("kstep.engines.qm.transfer", {"model": "{molecule}.safetensors"}),
            "transfer.model: write a path",
        ),
        "fractions that do not add up": (
            put("split", {"train": 0.9, "validation": 0.9, "test": 0.1}),
            "must add up to 1",
        ),
        "a fraction above 1": (put("split", {"train": 2, "validation": -1, "test": 0}), "split.train"),
        "a fraction that is not a number": (put("split", {"train": float("nan")}), "split.train"),
        "an unknown split": (put("kstep.rollout_splits", ["learn"]), "kstep.rollout_splits.0"),
        "no splits": (put("kstep.rollout_splits", []), "kstep.rollout_splits"),
        "an unknown control": (put("kstep.controls", ["euler"]), "kstep.controls.0"),
        "no seeds": (put("kstep.seeds", []), "kstep.seeds"),
        "a negative seed": (put("seed", -1), "seed"),
        "a seed in words": (put("seed", "zero"), "seed"),
        "a huge seed": (put("seed", 10**40), "seed"),
        "a batch of none": (put("kstep.engines.mm.train.batch_size", 0), "train.batch_size"),
        "an unknown precision": (put("kstep.engines.mm.train.precision", "8"), "train.precision"),
        "a learning rate that is infinite": (
            put("kstep.engines.mm.train.learning_rate", float("inf")),
            "train.learning_rate",
        ),
        "an unknown check": (put("kstep.engines.mm.rollout.energy_check", "hope"), "rollout.energy_check"),
        "attempts that never shrink": (put("kstep.engines.mm.rollout.attempt_scale", 1.5), "attempt_scale"),
        "an unknown device": (put("device", "tpu"), "device"),
        "results with a tab": (put("results", "my\tresults"), "results: write a path"),
        "results for the shell": (put("results", "$(id)"), "results: write a path"),
        "results with a semicolon": (put("results", "a;id"), "results: write a path"),
        "results with an apostrophe": (put("results", "o'clock"), "results: write a path"),
        "results with quotation marks": (put("results", 'a"b'), "results: write a path"),
        "results with a wildcard": (put("results", "{molecule}/{x}"), "results: write a path"),
        "results with a line break": (put("results", "a\nb"), "results: write a path"),
        "results like an option": (put("results", "--delete-all-output"), "results: write a path"),
        "results like a list of arguments": (put("results", "@results"), "results: write a path"),
        "results of 300 characters": (put("results", "r" * 300), "results: write a path"),
        "results without a name": (put("results", ""), "results: write a path"),
        "results in a list": (put("results", ["a"]), "results"),
        "a force field for the shell": (put("forcefield", "`id`.xml"), "forcefield: write a path"),
        "a table for the shell": (put("molecules", "a.tsv; id"), "molecules: write a path"),
    },
)
TABLE_PATHS = Kind(
    "config",
    with_config,
    {
        "a table that is not there": (put("molecules", "absent.tsv"), "no such table"),
        "a table in a folder that is not there": (put("molecules", "absent/molecules.tsv"), "no such table"),
        "a table of 200 folders": (put("molecules", "absent/" * 2000 + "a.tsv"), "cannot be read"),
    },
    named="absent",
)
