"""`snakemake --profile slurm` from a fresh clone, through real sbatch, on a cluster that keeps no accounts."""

import ast
import csv
import os
import shutil
from pathlib import Path

import pytest
import yaml

from tests.slurm.cluster import output, wait_until
from tests.slurm.runs import ROOT, Run, state
from tests.workflow.conda import stand_in, used

PARTS = ("Snakefile", "workflow", "mdsnake", "slurm", "envs", "config", "snakemake_executor_plugin_slurm_steady")
SIMULATION = "results/methanol/simulate/mm/replica0.h5"
MODEL = "results/kstep/train/mm/k4/egnn/model.safetensors"


@pytest.fixture(scope="module")
def finished(cluster: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The smoke configuration, trimmed to one family, one engine, one k, one network and one control."""
    clone = fresh_clone(tmp_path_factory.mktemp("clone"))
    config = yaml.safe_load((clone / "smoke.yaml").read_text())
    del (
        config["trajbert"],
        config["backbone"],
        config["engines"]["qm"],
        config["kstep"]["engines"]["qm"],
        config["kstep"]["members"]["transformer-egnn"],
    )
    config["kstep"]["engines"]["mm"]["k"] = [4]
    config["kstep"]["controls"] = ["verlet"]
    (clone / "smoke.yaml").write_text(yaml.safe_dump(config))
    run = smoke(clone)
    assert run.status() == 0, run.text[-5000:]
    return run


def fresh_clone(folder: Path) -> Path:
    """What git would clone, and the smoke configuration at its top."""
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    for name in ("smoke.yaml", "molecules.tsv", "proteins.tsv"):
        shutil.copy(ROOT / "tests/workflow" / name, folder / name)
    partitions = {"cpu": {"max_runtime": 10080}, "gpu": {"max_runtime": 10080, "max_gpu": 2}}
    (folder / "partitions.yaml").write_text(yaml.safe_dump({"partitions": partitions}))
    return folder


def smoke(clone: Path, *args: str) -> Run:
    """A run of the clone's own profile; it looks at its jobs twice as often, as they are short."""
    often = "--slurm-steady-init-seconds-before-status-checks=5"
    options = ["--configfile", "smoke.yaml", "--slurm-steady-partition-config", "partitions.yaml", often]
    return Run(clone, *options, "--benchmark-extended", *args, profile="slurm")


def asked(run: Run) -> list[dict[str, str]]:
    """What SLURM knows of each job of the run."""
    shown = (output("scontrol", "--oneliner", "show", "job", job) for job in run.submitted)
    return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in shown]


def declared(run: Run) -> dict[str, tuple[str, dict[str, int]]]:
    """Rule of each job, and the resources that it declared, by the comment that SLURM keeps with it."""
    found = {}
    for path in (run.folder / "results/benchmarks").rglob("*.tsv"):
        with open(path, newline="") as table:
            row = next(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
        wildcards, resources = ast.literal_eval(row["wildcards"]), ast.literal_eval(row["resources"])
        comment = "_".join(["rule", row["rule_name"], *(["wildcards"] if wildcards else []), *wildcards.values()])
        found[comment] = row["rule_name"], resources | {"threads": int(row["threads"])}
    return found


def test_every_result_is_there(finished: Run) -> None:
    results = finished.folder / "results"
    assert {path.stem for path in (results / "methanol/evaluate/mm/k4").rglob("*.csv")} == {"seed0"}
    assert (results / "summary/kstep.csv").stat().st_size > 1000
    assert (results / "figures/kstep/training.png").stat().st_size > 5000
    assert not list((results / ".work").rglob("*.*"))


def test_jobs_ask_for_what_the_rules_declare(finished: Run) -> None:
    jobs, rules = {job["Comment"]: job for job in asked(finished)}, set()
    for comment, (rule, resources) in declared(finished).items():
        if comment not in jobs:  # one of a group
            continue
        rules.add(rule)
        job, mem_mb, (hours, minutes) = jobs[comment], resources["mem_mb"], divmod(resources["runtime"], 60)
        assert job["MinMemoryNode"] in (f"{mem_mb}M", f"{mem_mb / 1024:g}G"), comment
        assert job["TimeLimit"] == f"{hours // 24}-"[: 2 * (hours > 23)] + f"{hours % 24:02}:{minutes:02}:00", comment
        assert min(int(job["NumCPUs"]), os.cpu_count() or 1) == resources["threads"], comment  # a job sees no more
    assert rules == {"screen", "simulate", "bursts", "window", "train", "rollout", "jumps", "summarize"}
    assert {(job["Partition"], job["JobState"]) for job in jobs.values()} == {("cpu", "COMPLETED")}
    assert not any("ArrayJobId" in job or "TresPerJob" in job for job in jobs.values())


def test_small_jobs_share_a_job_of_slurm(finished: Run) -> None:
    shared = [job["Comment"] for job in asked(finished) if job["Comment"].startswith("rule_batch_")]
    assert sum("prepare" in comment for comment in shared) == 1
    assert sum("figure" in comment for comment in shared) == 1
    alone = len(finished.submitted) - len(shared)
    assert len(finished.finished) >= alone + 4 + 9 + 4 + 2, "molecules, figures, tables and evaluations"


def test_logs_are_where_the_user_looks(finished: Run) -> None:
    logs = finished.folder / "results/logs"
    assert (logs / "prepare/methanol.log").exists()
    assert not list((logs / "slurm").rglob("*.log")), "those of successful jobs are removed"


def test_gpu_job_runs_in_the_gpu_partition(finished: Run, tmp_path: Path) -> None:
    clone = shutil.copytree(finished.folder, tmp_path / "clone")
    options = ["--config", "device=cuda", "--retries=0", "--verbose", "--slurm-steady-keep-successful-logs"]
    run = smoke(clone, *options, "--force", MODEL)
    run.status()  # a failure, unless the machine has such a GPU
    assert [(job["Partition"], job["TresPerJob"]) for job in asked(run)[-1:]] == [("gpu", "gres:gpu:1")]
    slurm_log = next((clone / "results/logs/slurm/rule_train").rglob("*.log")).read_text()
    assert "'CUDA_VISIBLE_DEVICES': '0'" in slurm_log


def test_killed_snakemake_leaves_one_writer(finished: Run, tmp_path: Path) -> None:
    clone = shutil.copytree(finished.folder, tmp_path / "clone")
    config = (clone / "smoke.yaml").read_text()
    (clone / "smoke.yaml").write_text(config.replace("equilibration_ps: 1\n", "equilibration_ps: 40000\n"))
    killed = smoke(clone, SIMULATION)
    wait_until(lambda: any((clone / "results/.work/simulate").glob("*/*")), "the simulation", seconds=120)
    killed.kill()
    orphan = killed.submitted[-1]
    assert smoke(clone, "--unlock").status() == 0
    second = smoke(clone, SIMULATION, "--retries=0")
    assert second.status() == 1
    assert state(orphan) == "RUNNING"
    assert "is at the same job" in (clone / "results/logs/simulate/methanol.mm.replica0.log").read_text()
    output("scancel", orphan)
    wait_until(lambda: state(orphan) == "CANCELLED", "the orphan's end")
    (clone / "smoke.yaml").write_text(config)
    again = smoke(clone, SIMULATION)
    assert again.status() == 0, again.text
    assert (clone / SIMULATION).exists()


@pytest.mark.slow
def test_jobs_run_in_their_conda_environments(cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", stand_in(tmp_path))
    run = smoke(fresh_clone(tmp_path), "--software-deployment-method", "conda", "--", SIMULATION)
    assert run.status() == 0, run.text
    assert {(ROOT / "envs" / name).read_text() for name in ("chem.yaml", "md.yaml")} == set(used(run.folder))
    assert len(run.submitted) == 2, "prepare, simulate"
