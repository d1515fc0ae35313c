"""Places that nothing can be written to."""

import json
from pathlib import Path

from tests.malformed.case import Arguments, Change, Kind
from tests.malformed.commands import index
from tests.malformed.good import Good, settings


def to_it(good: Good, bad: Path, out: Path) -> Arguments:
    return [*index(good, good.prepared, good.bursts, out)[:-1], bad]


def under_it(good: Good, bad: Path, out: Path) -> Arguments:
    return [*index(good, good.prepared, good.bursts, out)[:-1], bad / "k4.json"]


def prepared_in_it(good: Good, bad: Path, out: Path) -> Arguments:
    return ["prepare", "--settings", json.dumps(settings("prepare")), "--out", bad]


def worked_on_in_it(good: Good, bad: Path, out: Path) -> Arguments:
    told = json.dumps(settings("simulate"))
    return ["simulate", good.prepared, "--settings", told, "--run", "bursts", "--out", out / "a.h5", "--work", bad]


FILES = Kind("windows", to_it, {"a folder": (lambda good, bad: bad.mkdir(), "a folder stands there")})


def in_place_of_folder(words: str) -> dict[str, tuple[Change, str]]:
    return {
        "a file": (lambda good, bad: bad.write_text("mine"), words),
        "a link to nothing": (lambda good, bad: bad.symlink_to("nowhere/at/all"), ""),
    }


FOLDERS = Kind("windows", under_it, in_place_of_folder("is no folder"))
PREPARED = Kind("windows", prepared_in_it, in_place_of_folder("File exists"))
WORK = Kind("windows", worked_on_in_it, in_place_of_folder("File exists"))
LONG = Kind(
    "windows",
    lambda good, bad, out: to_it(good, bad.with_name("x" * 300), out),
    {"a name of 300 characters": (lambda good, bad: None, "File name too long")},
    named="xxx",
)
