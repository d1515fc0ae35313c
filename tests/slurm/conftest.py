"""The cluster that the tests of this folder share, one at a time."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm import cluster as slurm


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of a running cluster; with accounting where the test module says ACCOUNTING = True.

    Where MDSNAKE_SLURM=required, as in continuous integration, a cluster that cannot be had is a failure.
    """
    if reason := slurm.missing():
        if os.environ.get("MDSNAKE_SLURM") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("cluster")
    try:
        slurm.start(folder, accounting=getattr(request.module, "ACCOUNTING", False))
        yield folder
    finally:
        slurm.stop(folder)
