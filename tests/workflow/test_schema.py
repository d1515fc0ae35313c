"""The committed schema and configurations agree with the models."""

import json
from pathlib import Path

import pytest
import yaml

from mdsnake.project import Project, load_project, schema_path
from tests.workflow.runs import ROOT

CONFIGS = sorted((ROOT / "config").glob("*.yaml"))


def test_schema_is_that_of_the_model() -> None:
    assert json.loads(schema_path().read_text()) == Project.model_json_schema(), "run `make schema`"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_committed_configuration_is_valid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    project = load_project(yaml.safe_load(path.read_text()), str(path))
    engines = [set(row.engines or project.engines) for row in project.read_molecules()]
    for name, engine in project.kstep.engines.items():
        assert sum(name in run for run in engines) >= (3 if "test" in project.kstep.rollout_splits else 1)
        for k in engine.k:
            lag = k * project.engines[name].timestep_fs
            assert lag % project.engines[name].record_fs == 0, "the reference has no frames at the lag"


def test_every_key_is_explained() -> None:
    text = (ROOT / "config/README.md").read_text()
    definitions = Project.model_json_schema()["$defs"]
    keys = {key for definition in definitions.values() for key in definition.get("properties", {})}
    keys |= set(Project.model_json_schema()["properties"])
    assert {key for key in keys if f"`{key}`" not in text} == set()
