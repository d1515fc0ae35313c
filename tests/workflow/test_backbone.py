"""The family of protein backbones in the workflow."""

import json
import shutil
from pathlib import Path

import pytest

from tests.workflow.runs import assert_refused, planned, run_snakemake
from tests.workflow.test_run import rows

FIGURES = ("learning", "denoising", "geometry", "ramachandran", "size", "content", "likeness")
SECTION = "  sample: {lengths: [12, 16], count: 2, steps: 4}\n"


def test_every_result_is_there(finished: Path) -> None:
    results = finished / "results"
    for figure in FIGURES:
        assert (results / f"figures/backbone/{figure}.png").stat().st_size > 5000, figure
    for table, words in (("models", "random walks"), ("data", "no such chain"), ("memorise/memorised", "✗ missed")):
        assert words in (results / f"tables/backbone/{table}.html").read_text()
    for member in ("cartesian", "frames"):
        samples = rows(results / f"backbone/evaluate/{member}/seed0.csv")
        assert [row["residues"] for row in samples] == ["12", "12", "16", "16"]
        structures = results / f"backbone/rollout/{member}/seed0/structures"
        assert {len(list(structures.glob(f"*{end}"))) for end in ("[0-9].pdb", ".cif", "_denoising.pdb")} == {4}
    members = {row["member"] for row in rows(results / "summary/backbone.csv")}
    assert members == {
        "cartesian", "frames", "held-out natives", "training natives", "mirror images", "random walks"
    }  # fmt: skip


def test_a_protein_that_cannot_be_used_is_on_the_card(finished: Path) -> None:
    card = json.loads((finished / "results/backbone/window/card.json").read_text())
    assert (card["used"], card["dropped"]) == (4, {"no such chain": 1})
    few = json.loads((finished / "results/backbone/memorise/window/card.json").read_text())
    assert few["used"] == few["splits"]["train"]["proteins"] == 2


def test_memorised_samples_are_as_long_as_what_was_learned(finished: Path) -> None:
    samples = rows(finished / "results/backbone/memorise/evaluate/frames/seed0.csv")
    assert {row["residues"] for row in samples} == {"24"}


def test_nothing_is_simulated(inputs: Path) -> None:
    jobs = planned(run_snakemake(inputs, "--dry-run", "backbone", "memorise").stdout)
    assert jobs["prepare_protein"] == 5
    assert jobs["window_proteins"] == jobs["baselines_proteins"] == 2
    assert jobs["train_proteins"] == jobs["rollout_proteins"] == jobs["evaluate_proteins"] == 4
    assert not [rule for rule in jobs if "simulate" in rule or rule in ("screen", "prepare")]


def test_members_and_seeds_are_combined(inputs: Path) -> None:
    settings = (inputs / "smoke.yaml").read_text()
    assert SECTION in settings
    (inputs / "smoke.yaml").write_text(settings.replace(SECTION, SECTION + "  seeds: [0, 1, 2]\n"))
    jobs = planned(run_snakemake(inputs, "--dry-run", "backbone").stdout)
    assert jobs["train_proteins"] == jobs["evaluate_proteins"] == 2 * 3
    assert jobs["prepare_protein"] == 5


def test_a_motif_needs_its_protein(inputs: Path) -> None:
    settings = (inputs / "smoke.yaml").read_text()
    motif = SECTION.replace("steps: 4}", "steps: 4, motif: {protein: NAME, segments: 30-33, at: [3]}}")
    target = "results/backbone/rollout/frames/seed0/samples.h5"
    (inputs / "smoke.yaml").write_text(settings.replace(SECTION, motif.replace("NAME", "3a4rA")))
    shown = run_snakemake(inputs, "--dry-run", "--printshellcmds", target)
    assert "--motif results/backbone/prepare/3a4rA/backbone.npz" in shown.stdout
    (inputs / "smoke.yaml").write_text(settings.replace(SECTION, motif.replace("NAME", "nosuch")))
    refused = run_snakemake(inputs, "--dry-run", target)
    assert refused.returncode != 0
    assert "proteins.tsv: no row 'nosuch', which sample.motif names; add it" in refused.stdout


def test_a_file_of_ones_own_is_read_again_where_it_changed(inputs: Path) -> None:
    own = "ATOM      1  CA  GLY A   1       0.000   0.000   0.000  1.00  0.00           C\n"
    (inputs / "own.pdb").write_text(own)
    with open(inputs / "proteins.tsv", "a") as table:
        table.write("own\town.pdb\t\t\t\n")
    target = "results/backbone/prepare/own/backbone.npz"
    assert run_snakemake(inputs, target).returncode == 0
    assert "Nothing to be done" in run_snakemake(inputs, target).stdout
    (inputs / "own.pdb").write_text(2 * own)
    assert planned(run_snakemake(inputs, "--dry-run", target).stdout) == {"prepare_protein": 1}


def test_without_the_section_there_are_no_such_rules(inputs: Path) -> None:
    settings = (inputs / "smoke.yaml").read_text()
    (inputs / "smoke.yaml").write_text(settings[: settings.index("backbone:")])
    (inputs / "proteins.tsv").unlink()
    refused = run_snakemake(inputs, "--dry-run", "backbone")
    assert refused.returncode != 0
    assert planned(run_snakemake(inputs, "--dry-run", "results/ethane/prepare/graph.json").stdout) == {"prepare": 1}


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("smoke.yaml", "proteins: proteins.tsv", "proteins: absent.tsv", "absent.tsv: no such table"),
        ("smoke.yaml", "residues: {min: 20,", "residues: {min: 30,", "backbone.residues: min must not be above max"),
        ("smoke.yaml", "kind: frames,", "kind: frame,", "backbone.members.frames"),
        ("proteins.tsv", "2va0A\t", "1i8na\t", "proteins.tsv: row 2 (1i8na): the name is taken"),
        ("proteins.tsv", "A\t\ttest", "A\t\ttesting", "proteins.tsv: row 4 (5ptiA): split"),
        ("proteins.tsv", "A\t\ttest", "A\t1:5\ttest", "proteins.tsv: row 4 (5ptiA): chopping"),
        ("proteins.tsv", "5ptiA\tMDA", "$(touch harm)\tMDA", "proteins.tsv: row 4 ($(touch harm)): name"),
    ],
)
def test_bad_input_is_one_line(inputs: Path, file: str, old: str, new: str, line: str) -> None:
    assert_refused(inputs, file, old, new, line)


def test_a_new_sample_trains_nothing(finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    settings = (run / "smoke.yaml").read_text()
    (run / "smoke.yaml").write_text(settings.replace("lengths: [12, 16]", "lengths: [14]"))
    jobs = planned(run_snakemake(run, "--dry-run", "backbone").stdout)
    assert jobs["rollout_proteins"] == jobs["evaluate_proteins"] == 2
    assert "train_proteins" not in jobs
    assert "prepare_protein" not in jobs
