"""A disk that fills up while a result is written: one line, nothing half-written, and no crash of a library."""

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure

from mdsnake.errors import UserError
from mdsnake.store.atomic import replacing, write_text
from mdsnake.store.checkpoint import save_model
from mdsnake.train.curves import Curves
from tests.faults.strike import ROOT

TRAJECTORY = """
import resource, sys
from mdsnake.errors import UserError
from mdsnake.store.h5md import Trajectory
trajectory, most = Trajectory.load(sys.argv[1]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    trajectory.save(sys.argv[2])
except UserError as error:
    sys.exit(str(error))
"""
FULL = "the disk is full; free some space and run again"


@pytest.mark.parametrize("share", [0.01, 0.5, 0.97, 0.999])
def test_a_trajectory_is_written_whole_or_not_at_all(ethane_bursts: Path, tmp_path: Path, share: float) -> None:
    path, most = tmp_path / "a.h5", int(share * ethane_bursts.stat().st_size)
    command = [sys.executable, "-c", TRAJECTORY, str(ethane_bursts), str(path), str(most)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 1, f"{done.returncode}: {done.stderr[-2000:]}"
    assert done.stderr == f"{path}: {FULL}\n"
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def no_file_above(most: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def curves(path: Path) -> None:
    told = Curves(1000)
    told.rows = [{"step": step, "loss": 0.1} for step in range(1000)]
    told.write(path, 0.0)


def picture(path: Path) -> None:
    figure = Figure()
    figure.gca().plot([1, 2])
    with replacing(path) as temporary:
        figure.savefig(temporary)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.safetensors", lambda path: save_model(path, torch.nn.Linear(200, 100), {})),
        ("a.csv", curves),
        ("a.html", lambda path: write_text(path, 10_000 * "<td>")),
        ("a.png", picture),
    ],
)
def test_any_other_result_is_written_whole_or_not_at_all(
    tmp_path: Path, name: str, write: Callable[[Path], object]
) -> None:
    with no_file_above(1000), pytest.raises(UserError, match=rf"{name}: {FULL}$"):
        write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    write(tmp_path / name)
    assert (tmp_path / name).stat().st_size > 1000
