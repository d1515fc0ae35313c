"""Folders that the workflow is run in."""

from pathlib import Path

import pytest

from tests.workflow.runs import copy_inputs, run_snakemake


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder of inputs that a test may change."""
    return copy_inputs(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole smoke run; tests leave it as it is."""
    folder = copy_inputs(tmp_path_factory.mktemp("smoke"))
    done = run_snakemake(folder)
    assert done.returncode == 0, done.stdout[-5000:]
    return folder
