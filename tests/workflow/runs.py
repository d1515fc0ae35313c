"""Snakemake as a user runs it: a process in a folder of its own, with the repository's Snakefile."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def run_snakemake(
    folder: Path, *args: str, path: str | None = None, config: str = "smoke.yaml"
) -> subprocess.CompletedProcess:
    """`snakemake --configfile CONFIG ARGS` in `folder`, on two cores; stderr is part of stdout."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return subprocess.run(
        [*command, "--configfile", str(folder / config), "--cores", "2", *args],
        cwd=ROOT,
        env=os.environ | {"PATH": path or os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )


def planned(output: str) -> dict[str, int]:
    """Jobs by rule, as a dry run lists them."""
    table = re.search(r"Job stats:\n.*?\n-+ +-+\n(.*?)\ntotal", output, re.DOTALL)
    assert table, output
    return {rule: int(count) for rule, count in (line.split() for line in table.group(1).splitlines())}


def assert_refused(folder: Path, file: str, old: str, new: str, line: str) -> None:
    """With `new` in place of `old` in a file, `line` is said once, and nothing is made."""
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    refused = run_snakemake(folder, "--dry-run")
    assert refused.returncode != 0
    assert sum(line in printed for printed in refused.stdout.splitlines()) == 1, refused.stdout
    assert not (folder / "results").exists()


def copy_inputs(folder: Path) -> Path:
    """The smoke configuration, its molecules and its proteins in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("smoke.yaml", "molecules.tsv", "proteins.tsv"):
        shutil.copy(HERE / name, folder / name)
    return folder
