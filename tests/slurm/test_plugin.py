"""The executor as Snakemake finds it; no cluster is needed."""

import asyncio
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace

import pytest

import snakemake_executor_plugin_slurm_steady as steady
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


def test_only_the_first_word_of_a_state_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(command: str, logger: object) -> tuple[dict[str, str], float]:
        return {"1": "CANCELLED by 0", "2": "RUNNING"}, 0.1

    monkeypatch.setattr(steady, "query_job_status", answer)
    executor = steady.Executor.__new__(steady.Executor)
    states, _ = asyncio.run(executor.query("sacct", None))
    assert states == executor.states == {"1": "CANCELLED", "2": "RUNNING"}


def test_jobs_of_other_partitions_do_not_share() -> None:
    def job(**resources: object) -> SimpleNamespace:
        return SimpleNamespace(resources={"mem_mb": 600, "tmpdir": "/tmp"} | resources)

    assert steady.kind(job()) == steady.kind(job(mem_mb=900, tmpdir="/scratch"))
    assert steady.kind(job(slurm_partition="cpu")) != steady.kind(job(slurm_partition="gpu"))
