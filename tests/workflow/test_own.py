"""Exact sampling of one's own molecule, with a network that begins as a model of another run."""

import csv
import re
import shutil
from pathlib import Path

import pytest

from mdsnake.families.kstep.config import Network
from mdsnake.families.kstep.model import KstepModel
from tests.families.kstep.case import save
from tests.families.kstep.toys import JUMP
from tests.workflow.runs import HERE, ROOT, planned, run_snakemake

START = "elsewhere/egnn/k8.safetensors"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("own")
    for name in ("own.yaml", "own.tsv"):
        shutil.copy(HERE / name, folder / name)
    save(folder / START, KstepModel(Network(kind="egnn", layers=1, width=16), JUMP))
    done = run_snakemake(folder, "all", config="own.yaml")
    assert done.returncode == 0, done.stdout[-5000:]
    return folder


def test_exact_members_and_their_controls_are_judged(own: Path) -> None:
    with open(own / "results/summary/kstep.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["split"] for row in rows if row["metric"] == "ke_ratio"} == {"train"}
    for metric in ("accepted_fraction", "energy_error_spread", "boltzmann_factor", "force_calls_per_ps"):
        measured = {row["member"]: float(row["value"]) for row in rows if row["metric"] == metric}
        assert set(measured) == {"egnn", "hmc", "hmc-mm"}, metric
        assert all(value >= 0 for value in measured.values()), metric
    assert (own / "results/figures/kstep/exactness.png").stat().st_size > 5000
    assert "<table" in (own / "results/tables/kstep/exactness.html").read_text()
    (log,) = (own / "results/logs/rollout").glob("*.egnn.*.log")
    for choice in ("walkers side by side", "friction "):
        assert choice in log.read_text()


@pytest.mark.parametrize(("force_first", "trainings"), [(1, 1), (0.9, 2)])
def test_one_training_of_forces_alone_serves_jumps_of_every_length(
    own: Path, tmp_path: Path, force_first: float, trainings: int
) -> None:
    run, start = shutil.copytree(own, tmp_path / "run"), START.replace("k8", "k16")
    shutil.rmtree(run / "results/kstep/train")
    shutil.copy(run / START, run / start)
    settings = (run / "own.yaml").read_text().replace("k: [8]", "k: [8, 16]")
    (run / "own.yaml").write_text(settings.replace("force_first: 1", f"force_first: {force_first}"))
    jobs = planned(run_snakemake(run, "--dry-run", "evaluate_all", config="own.yaml").stdout)
    assert jobs["train"] == trainings
    assert jobs["rollout"] == 4


def test_captions_do_not_speak_of_molecules_that_are_not_there(own: Path) -> None:
    report = own / "report.html"
    done = run_snakemake(own, "--report", str(report), config="own.yaml")
    assert done.returncode == 0, done.stdout[-3000:]
    text = report.read_text()
    assert "1 molecules (train), 1 seed, up to 64 walkers" in text
    assert "that they had never seen" not in text


def test_a_changed_model_to_start_from_trains_again(own: Path, tmp_path: Path) -> None:
    run = shutil.copytree(own, tmp_path / "run")
    assert "Nothing to be done" in run_snakemake(run, "--dry-run", config="own.yaml").stdout
    with open(run / START, "ab") as file:
        file.write(b"more")
    jobs = planned(run_snakemake(run, "--dry-run", config="own.yaml").stdout)
    assert jobs["train"] == 1
    assert "bursts" not in jobs


@pytest.mark.parametrize(
    ("before", "after", "first"),
    [("count: 4", "count: 6", {"bursts": 1, "train": 1}), ("walkers: auto", "walkers: auto, compile: true", {})],
)
def test_what_is_of_networks_alone_leaves_references_and_controls_as_they_are(
    own: Path, tmp_path: Path, before: str, after: str, first: dict[str, int]
) -> None:
    run = shutil.copytree(own, tmp_path / "run")
    settings = (run / "own.yaml").read_text()
    assert before in settings
    (run / "own.yaml").write_text(settings.replace(before, after))
    jobs = planned(run_snakemake(run, "--dry-run", config="own.yaml").stdout)
    stages = {stage: jobs[stage] for stage in ("simulate", "bursts", "train", "rollout", "evaluate") if stage in jobs}
    assert stages == first | {"rollout": 1, "evaluate": 1}


@pytest.mark.parametrize(("start", "file"), [("bursts", "bursts.h5"), ("replica", "replica1.h5")])
def test_walkers_start_where_they_are_told_to(own: Path, tmp_path: Path, start: str, file: str) -> None:
    run = shutil.copytree(own, tmp_path / "run")
    shutil.rmtree(run / "results/methanol/rollout")
    settings = (run / "own.yaml").read_text()
    (run / "own.yaml").write_text(settings.replace("walkers: auto", f"start: {start}, walkers: auto"))
    told = run_snakemake(run, "--dry-run", "--printshellcmds", "rollout_all", config="own.yaml").stdout
    assert re.findall(r"--start (\S+)", told) == [f"results/methanol/simulate/qm/{file}"] * 3


def test_the_configuration_to_copy_trains_on_one_engine_then_the_other(tmp_path: Path) -> None:
    """config/exact.yaml itself, planned but for its screen."""
    (tmp_path / "config").mkdir()
    for name in ("exact.yaml", "own.tsv"):
        shutil.copy(ROOT / "config" / name, tmp_path / "config" / name)
    screened = run_snakemake(tmp_path, "results/exact/summary/molecules.csv", config="config/exact.yaml")
    assert screened.returncode == 0, screened.stdout[-3000:]
    told = run_snakemake(tmp_path, "--dry-run", "--printshellcmds", config="config/exact.yaml").stdout
    jobs = planned(told)
    stages = {stage: jobs[stage] for stage in ("simulate", "bursts", "train", "rollout", "evaluate")}
    assert stages == {"simulate": 2, "bursts": 2, "train": 2, "rollout": 8, "evaluate": 8}
    results = "results/exact/kstep/train"
    assert re.findall(r"--init (\S+)", told) == [f"{results}/flex/k16/reversible/model.safetensors"]
    assert (
        re.findall(r"--history (\S+) --pretraining (\S+)", told)
        == [(f"{results}/qm/k64/reversible/history.csv", f"{results}/flex/k16/reversible/history.csv")] * 2
    ), "one for each length of the jump"


def test_a_model_that_is_not_there_is_one_line(own: Path, tmp_path: Path) -> None:
    run = shutil.copytree(own, tmp_path / "run")
    (run / START).unlink()
    shutil.rmtree(run / "results/kstep/train")
    refused = run_snakemake(run, "--dry-run", "train_all", config="own.yaml")
    assert refused.returncode != 0
    assert f"kstep.engines.qm.transfer.model: {START}: no such file; " in refused.stdout


def test_a_model_of_another_network_is_one_line(own: Path, tmp_path: Path) -> None:
    run = shutil.copytree(own, tmp_path / "run")
    settings = (run / "own.yaml").read_text()
    (run / "own.yaml").write_text(settings.replace("width: 16", "width: 24"))
    refused = run_snakemake(run, "train_all", config="own.yaml")
    assert refused.returncode != 0
    assert f"{START}: its network has width 16, this member's 24; give both the same" in refused.stdout
