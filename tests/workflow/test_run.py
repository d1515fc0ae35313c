"""The smoke configuration from SMILES to report."""

import csv
import shutil
from pathlib import Path

import pytest

from tests.workflow.runs import assert_refused, copy_inputs, planned, run_snakemake

FIGURES = (
    "training", "one_jump_error", "distributions", "lag_rmsd", "flip_rate", "rdf", "vdos", "energy_drift",
    "cost", "efficiency",
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
    assert not list(results.glob("*/kstep/exactness.*")), "nothing is tested"
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


def test_trajectories_may_be_deleted(finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    for path in [*run.glob("results/*/rollout/**/*.h5"), *run.glob("results/*/simulate/**/*.h5")]:
        path.unlink()
    again = run_snakemake(run, "--dry-run")
    assert "Nothing to be done" in again.stdout


def test_rollouts_go_where_they_are_not_to_be_kept(inputs: Path) -> None:
    settings = (inputs / "smoke.yaml").read_text()
    (inputs / "smoke.yaml").write_text(settings.replace("kstep:\n", "kstep:\n  keep_rollouts: false\n"))
    target = EVALUATION.format(member="zero")
    assert run_snakemake(inputs, target).returncode == 0
    assert (inputs / target).exists()
    assert not list(inputs.glob("results/methanol/rollout/**/*.h5"))
    assert "Nothing to be done" in run_snakemake(inputs, target).stdout


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
    alone = {"screen": 1, "prepare": 1, "simulate": 2, "rollout": 1, "evaluate": 1}
    control = run_snakemake(inputs, "--dry-run", EVALUATION.format(member="verlet"))
    assert planned(control.stdout) == alone
    assert run_snakemake(inputs, "screen").returncode == 0
    learned = run_snakemake(inputs, "--dry-run", EVALUATION.format(member="egnn"))
    assert planned(learned.stdout) == {
        "prepare": 4, "bursts": 3, "simulate": 2, "window": 1, "train": 1, "rollout": 1, "evaluate": 1
    }  # fmt: skip


def test_failed_job_shows_its_line(inputs: Path) -> None:
    target = "results/methanol/simulate/mm/replica1.h5"
    assert run_snakemake(inputs, target).returncode == 0
    (inputs / target).write_bytes((inputs / target).read_bytes()[:1000])
    failed = run_snakemake(inputs, "results/methanol/rollout/mm/k4/verlet/seed0.h5")
    assert failed.returncode != 0
    assert any("error: " in line and "replica1.h5" in line for line in failed.stdout.splitlines()), failed.stdout
    assert not (inputs / "results/methanol/rollout/mm/k4/verlet/seed0.h5").exists()
    (inputs / target).unlink()
    assert run_snakemake(inputs, "results/methanol/rollout/mm/k4/verlet/seed0.h5").returncode == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("smoke.yaml", "constraints: hbonds", "constrains: hbonds", "constrains: unknown key"),
        ("smoke.yaml", "transfer: {engine: mm, k: 4}", "transfer: {engine: mm, k: 5}", "no model is trained on mm"),
        ("smoke.yaml", "molecules: molecules.tsv", "molecules: absent.tsv", "absent.tsv: no such table"),
        ("smoke.yaml", "molecules: molecules.tsv", "molecules: molecules.tsv\nmolecules: x.tsv", "stands there twice"),
        ("molecules.tsv", "methylamine", "Ethane", "row 2 (Ethane): the name is taken"),
        ("molecules.tsv", "train\t\n", "training\t\n", "row 1 (ethane): split"),
        ("molecules.tsv", "test\t\n", "test\tdft\n", "no engine 'dft'"),
    ],
)
def test_bad_input_is_one_line(inputs: Path, file: str, old: str, new: str, line: str) -> None:
    assert_refused(inputs, file, old, new, line)


def test_a_foreign_table_of_the_screen_is_one_line(inputs: Path) -> None:
    screened = inputs / "results/summary/molecules.csv"
    screened.parent.mkdir(parents=True)
    screened.write_text("title,colour\nethane,red\n")
    refused = run_snakemake(inputs, "--dry-run")
    assert refused.returncode != 0
    assert "Traceback" not in refused.stdout
    told = [line for line in refused.stdout.splitlines() if "molecules.csv: header: no column 'molecule'" in line]
    assert len(told) == 1, refused.stdout
    assert told[0].endswith("delete it, and it is made again")


def test_named_targets_make_a_stage_of_everything(inputs: Path) -> None:
    assert run_snakemake(inputs, "screen").returncode == 0
    targets = ("prepare_all", "simulate_all", "window_all", "train_all", "rollout_all", "evaluate_all", "kstep")
    jobs = [planned(run_snakemake(inputs, "--dry-run", target).stdout) for target in targets]
    assert [found.get("prepare") for found in jobs] == [4, 4, 4, 3, 4, 4, 4]
    assert [found.get("simulate", 0) for found in jobs] == [0, 16, 0, 0, 2, 4, 4]
    assert [found.get("train", 0) for found in jobs] == [0, 0, 0, 6, 6, 6, 6]


def test_a_job_on_a_cluster_gets_a_time_budget(inputs: Path) -> None:
    target = "results/methanol/simulate/mm/bursts.h5"
    assert run_snakemake(inputs, "results/methanol/prepare/graph.json").returncode == 0
    for minutes, done in ((1, False), (10, True)):
        job = run_snakemake(inputs, target, "--mode", "remote", "--set-resources", f"bursts:runtime={minutes}")
        assert (job.returncode == 0) is done, job.stdout
        log = (inputs / "results/logs/bursts/methanol.mm.log").read_text()
        assert ("--time-budget: -1: no time at all" in log) is not done


def test_dropped_molecule_cannot_be_a_target(inputs: Path) -> None:
    assert run_snakemake(inputs, "screen").returncode == 0
    refused = run_snakemake(inputs, "--dry-run", "results/broken/evaluate/mm/k4/zero/seed0.csv")
    assert refused.returncode != 0
    assert "molecules.tsv: broken: dropped: " in refused.stdout


def test_unknown_target_is_refused(tmp_path: Path) -> None:
    folder = copy_inputs(tmp_path)
    for target, line in (
        ("results/nosuch/prepare/graph.json", "molecules.tsv: nosuch: no such molecule; add a row for it"),
        ("results/ethane/prepare/nosuch.json", "results/ethane/prepare/nosuch.json"),
    ):
        refused = run_snakemake(folder, "--dry-run", target)
        assert refused.returncode != 0
        assert line in refused.stdout
