"""The family that settings name does the stage, with the options that are its own."""

import importlib
import json
from pathlib import Path

import pytest

from mdsnake.errors import UserError
from mdsnake.stages import STAGES, run


@pytest.mark.parametrize("stage", STAGES)
def test_every_function_is_there(stage: str) -> None:
    for _, where in STAGES[stage].values():
        module, _, name = where.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize(
    ("stage", "settings", "options", "message"),
    [
        ("window", {"family": "trajdiff"}, {}, "window: family: no 'trajdiff' here; choose from kstep, trajbert"),
        ("window", {"family": ["kstep"]}, {}, "window: family: no ['kstep'] here"),
        ("baselines", {"family": "kstep"}, {}, "baselines: family: no 'kstep' here; choose from trajbert"),
        ("window", {"family": "trajbert", "jump": 1}, {}, "--settings: "),
        (
            "simulate", {"family": "trajbert"}, {"replica": 1}, "--settings: ",
        ),
    ],
)  # fmt: skip
def test_settings_of_no_family_are_one_line(stage: str, settings: dict, options: dict, message: str) -> None:
    with pytest.raises(UserError) as error:
        run(stage, json.dumps(settings), **options)
    assert str(error.value).startswith(message)


SURFACE = {"family": "trajbert", "name": "mb", "system": {"kT": 15, "timestep": 1e-4, "record": 2e-4}}


def test_options_of_another_family_are_refused_and_those_that_lack_are_named(tmp_path: Path) -> None:
    told = json.dumps(SURFACE | {"window": {}})
    with pytest.raises(UserError, match=r"^window: --nve: trajbert has no use for it; leave it out$"):
        run("window", told, prepared=[], trajectory=[], out=tmp_path / "w.json", nve=tmp_path)
    with pytest.raises(UserError, match=r"^window: --out: trajbert needs it; give it$"):
        run("window", told, prepared=[], trajectory=[], out=None)


def test_the_default_family_may_be_named(tmp_path: Path) -> None:
    told = {"family": "kstep", "jump": {}, "stride": 1, "splits": {}, "validation_fraction": 0, "seed": 0}
    with pytest.raises(UserError, match=r"^--settings: jump\.engine: Field required"):
        run("window", json.dumps(told), prepared=[], trajectory=[], out=tmp_path / "w.json")
