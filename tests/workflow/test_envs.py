"""The conda environments: well formed, of one mind with constraints.txt, and used by Snakemake."""

import os
import shlex
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from rattler import MatchSpec, Version, VersionSpec
from snakemake_executor_plugin_slurm.partitions import read_partition_file

from tests.workflow.runs import ROOT, run_snakemake

ENVS = sorted((ROOT / "envs").glob("*.yaml"))
ON_PYPI = {
    "matplotlib-base": "matplotlib",
    "pytorch": "torch",
    "pytorch_geometric": "torch-geometric",
    "tblite-python": "tblite",
    "xtb-python": "xtb",
}
CONDA_ONLY = {"python", "openff-forcefields", "openff-nagl", "openff-toolkit"}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    return {r.name.lower(): next(iter(r.specifier)).version for r in requirements}


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_environment(path: Path) -> None:
    environment = yaml.safe_load(path.read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    names = []
    for dependency in environment["dependencies"]:
        assert isinstance(dependency, str), "no pip: sections"
        spec = MatchSpec(dependency)
        name = dependency.split()[0]
        names.append(name)
        if name not in CONDA_ONLY:
            assert VersionSpec(spec.version).matches(Version(pins()[ON_PYPI.get(name, name)])), dependency
    assert len(names) == len(set(names))
    assert {"python", "numpy", "pydantic", "pyyaml", "typer"} <= set(names)


def test_every_environment_is_used() -> None:
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert [path.stem for path in ENVS if path.stem not in rules] == []


# What Snakemake asks of conda, answered without a network: an environment is a folder whose Python
# leaves a mark and is the one that runs the tests.
CONDA = """#!/usr/bin/env bash
set -eu
base={base}
case "$*" in
  "info --json") echo '{{"conda_prefix": "'$base'", "platform": "linux-64"}}' ;;
  "--version") echo "conda 26.1.0" ;;
  "config --get channel_priority --json") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
  "clean -y --tarballs") ;;
  *create*)
    while (($#)); do
      case $1 in --file | --file=*) file=$2 ;; --prefix) prefix=$2 ;; esac
      shift
    done
    mkdir -p "$prefix/bin"
    cp "$file" "$prefix/asked.yaml"
    printf '#!/usr/bin/env bash\\ntouch %s/used\\nexec %s "$@"\\n' "$prefix" {python} > "$prefix/bin/python"
    chmod +x "$prefix/bin/python" ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"""


def test_rules_run_in_their_environment(inputs: Path, tmp_path: Path) -> None:
    programs = tmp_path / "conda" / "bin"
    programs.mkdir(parents=True)
    script = CONDA.format(base=shlex.quote(str(programs.parent)), python=shlex.quote(sys.executable))
    (programs / "conda").write_text(script)
    (programs / "conda").chmod(0o755)
    (programs / "activate").write_text('export PATH="$1/bin:$PATH"\n')
    done = run_snakemake(
        inputs, "results/summary/molecules.csv", "--software-deployment-method", "conda",
        path=f"{programs}{os.pathsep}{os.environ['PATH']}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    (prefix,) = {path.parent for path in (inputs / ".snakemake" / "conda").glob("*/asked.yaml")}
    assert (prefix / "asked.yaml").read_text() == (ROOT / "envs" / "chem.yaml").read_text()
    assert (prefix / "used").exists()
    assert (inputs / "results/summary/molecules.csv").exists()


def test_slurm_profile_is_found(inputs: Path) -> None:
    done = run_snakemake(inputs, "--profile", "slurm", "--dry-run", "screen")
    assert done.returncode == 0, done.stdout
    assert len(read_partition_file(ROOT / "slurm" / "partitions.yaml")) == 3
    assert "default-resources" not in yaml.safe_load((ROOT / "slurm" / "config.yaml").read_text())
