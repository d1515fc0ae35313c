"""The smoke configuration from SMILES to report."""

import csv
import shutil
from pathlib import Path

import pytest

from tests.workflow.runs import copy_inputs, planned, run_snakemake

FIGURES = (
    "training", "one_jump_error", "distributions", "lag_rmsd", "flip_rate", "rdf", "vdos", "energy_drift", "cost"
)  # fmt: skip
EVALUATION = "results/methanol/evaluate/mm/k4/{member}/seed0.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_every_result_is_there(finished: Path) -> None:
    results = finished / "results"
    for figure in FIGURES:
        assert (results / f"figures/kstep/{figure}.png").stat().st_size > 5000, figure
    for table in ("accuracy", "cost", "rejections", "dropped"):
        assert "<table" in (results / f"tables/kstep/{table}.html").read_text(), table
    assert not list((results / ".work").rglob("*.ckpt"))


def test_summary_has_every_run(finished: Path) -> None:
    summary = rows(finished / "results/summary/kstep.csv")
    measured = [row for row in summary if row["metric"] == "ke_ratio"]
    runs = {(row["molecule"], row["engine"], int(row["k"]), row["member"]) for row in measured}
    members = ("egnn", "transformer-egnn", "zero", "ballistic", "verlet", "verlet-stable")
    assert runs == {
        ("methanol", engine, k, member)
        for engine, strides in (("mm", (4, 8)), ("qm", (8,)))
        for k in strides
        for member in members
    }


def test_a_broken_molecule_is_dropped_and_the_others_go_on(finished: Path) -> None:
    molecules = {row["molecule"]: row for row in rows(finished / "results/summary/molecules.csv")}
    assert {name for name, row in molecules.items() if row["status"] == "ok"} == {
        "ethane", "methylamine", "formamide", "methanol"
    }  # fmt: skip
    assert molecules["broken"]["status"] == "dropped"
    assert molecules["broken"]["reason"]
    assert "broken" in (finished / "results/tables/kstep/dropped.html").read_text()


def test_second_run_has_nothing_to_do(finished: Path) -> None:
    again = run_snakemake(finished)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


def test_new_test_molecule_trains_nothing(finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    with open(run / "molecules.tsv", "a") as table:
        table.write("water\tO\t\t\ttest\tmm\n")
    assert run_snakemake(run, "screen").returncode == 0
    jobs = planned(run_snakemake(run, "--dry-run").stdout)
    assert jobs["prepare"] == jobs["bursts"] == 1
    assert jobs["simulate"] == 2
    assert jobs["rollout"] == jobs["evaluate"] == 12
    assert "train" not in jobs


def test_report(finished: Path) -> None:
    report = finished / "results/report.html"
    done = run_snakemake(finished, "--report", str(report))
    assert done.returncode == 0, done.stdout[-3000:]
    text = report.read_text()
    for category in ("1 What was run", "2 Is it right", "3 What did it cost", "4 What was dropped"):
        assert category in text
    assert "1 molecules (test)" in text


def test_one_evaluation_runs_only_what_it_needs(inputs: Path) -> None:
    alone = {"screen": 1, "prepare": 1, "simulate": 2, "bursts": 1, "rollout": 1, "evaluate": 1}
    control = run_snakemake(inputs, "--dry-run", EVALUATION.format(member="verlet"))
    assert planned(control.stdout) == alone
    assert run_snakemake(inputs, "screen").returncode == 0
    learned = run_snakemake(inputs, "--dry-run", EVALUATION.format(member="egnn"))
    assert planned(learned.stdout) == {
        "prepare": 4, "bursts": 4, "simulate": 2, "window": 1, "train": 1, "rollout": 1, "evaluate": 1
    }  # fmt: skip


def test_failed_job_shows_its_line(inputs: Path) -> None:
    target = "results/methanol/simulate/mm/bursts.h5"
    assert run_snakemake(inputs, target).returncode == 0
    (inputs / target).write_bytes((inputs / target).read_bytes()[:1000])
    failed = run_snakemake(inputs, "results/methanol/rollout/mm/k4/verlet/seed0.h5")
    assert failed.returncode != 0
    assert any("error: " in line and "bursts.h5" in line for line in failed.stdout.splitlines()), failed.stdout
    assert not (inputs / "results/methanol/rollout/mm/k4/verlet/seed0.h5").exists()
    (inputs / target).unlink()
    assert run_snakemake(inputs, "results/methanol/rollout/mm/k4/verlet/seed0.h5").returncode == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("smoke.yaml", "constraints: hbonds", "constrains: hbonds", "constrains: unknown key"),
        ("smoke.yaml", "transfer: {engine: mm, k: 4}", "transfer: {engine: mm, k: 5}", "no model is trained on mm"),
        ("smoke.yaml", "molecules: molecules.tsv", "molecules: absent.tsv", "absent.tsv: no such table"),
        ("molecules.tsv", "methylamine", "Ethane", "row 2 (Ethane): the name is taken"),
        ("molecules.tsv", "train\t\n", "training\t\n", "row 1 (ethane): split"),
        ("molecules.tsv", "test\t\n", "test\tdft\n", "no engine 'dft'"),
    ],
)
def test_bad_input_is_one_line(inputs: Path, file: str, old: str, new: str, line: str) -> None:
    text = (inputs / file).read_text()
    assert old in text
    (inputs / file).write_text(text.replace(old, new, 1))
    refused = run_snakemake(inputs, "--dry-run")
    assert refused.returncode != 0
    assert sum(line in printed for printed in refused.stdout.splitlines()) == 1, refused.stdout
    assert not (inputs / "results").exists()


def test_dropped_molecule_cannot_be_a_target(inputs: Path) -> None:
    assert run_snakemake(inputs, "screen").returncode == 0
    refused = run_snakemake(inputs, "--dry-run", "results/broken/evaluate/mm/k4/zero/seed0.csv")
    assert refused.returncode != 0
    assert "molecules.tsv: broken: dropped: " in refused.stdout


def test_unknown_target_is_refused(tmp_path: Path) -> None:
    refused = run_snakemake(copy_inputs(tmp_path), "--dry-run", "results/nosuch/prepare/graph.json")
    assert refused.returncode != 0
    assert "results/nosuch/prepare/graph.json" in refused.stdout
