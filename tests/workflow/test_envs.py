"""The conda environments: well formed, of one mind with constraints.txt, and used by Snakemake."""

from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from rattler import MatchSpec, Version, VersionSpec
from snakemake_executor_plugin_slurm.partitions import read_partition_file

from tests.workflow.conda import stand_in, used
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


def test_rules_run_in_their_environment(inputs: Path, tmp_path: Path) -> None:
    target = "results/summary/molecules.csv"
    done = run_snakemake(inputs, target, "--software-deployment-method", "conda", path=stand_in(tmp_path))
    assert done.returncode == 0, done.stdout
    assert used(inputs) == [(ROOT / "envs" / "chem.yaml").read_text()]
    assert (inputs / target).exists()


def test_slurm_profile_is_found(inputs: Path) -> None:
    done = run_snakemake(inputs, "--profile", "slurm", "--dry-run", "screen")
    assert done.returncode == 0, done.stdout
    assert len(read_partition_file(ROOT / "slurm" / "partitions.yaml")) == 3
    assert "default-resources" not in yaml.safe_load((ROOT / "slurm" / "config.yaml").read_text())
