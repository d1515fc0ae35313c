"""The executor as Snakemake finds it; no cluster is needed."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.slurm.runs import toy


def test_found_by_name_from_anywhere(tmp_path: Path) -> None:
    try:
        version("mdsnake")
    except PackageNotFoundError:
        pytest.skip("mdsnake is not installed here")
    command = Path(sys.executable).with_name("snakemake")
    told = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "--slurm-steady-partition-config" in told.stdout


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("--slurm-partition-config=p.yaml", "--slurm-partition-config=p.yaml: is not read by this executor; write"),
        ("--slurm-steady-array-jobs=all", "--slurm-steady-array-jobs: tasks of an array are judged by its first"),
    ],
)
def test_option_that_would_do_harm_is_refused(tmp_path: Path, option: str, line: str) -> None:
    run = toy(tmp_path, option, seconds=1)
    assert run.status(120) == 1, run.text
    assert line in run.text
    assert not run.submitted
