"""A run of the workflow on a configuration of a benchmark's own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from mdsnake.evaluate.records import Score, read_records
from mdsnake.store.atomic import write_text

ROOT = Path(__file__).parents[1]


def summarized(folder: Path, configured: dict[str, Any], summary: str, cores: str) -> list[Score]:
    """All rows of the summary that the workflow makes in `folder`, from where an interrupted run stopped."""
    config, out = folder / "config.yaml", folder / summary
    write_text(config, yaml.safe_dump(configured))
    command = [sys.executable, "-m", "snakemake", "--cores", cores, "--configfile", str(config), "--", str(out)]
    subprocess.run(command, cwd=ROOT, check=True)
    return read_records(out, Score)
