"""The family of trajectory models in the workflow."""

from pathlib import Path

import pytest

from tests.workflow.runs import assert_refused, planned, run_snakemake
from tests.workflow.test_run import rows

FIGURES = (
    "learning", "classification", "later_slices", "attention", "attention_time", "density", "kinetics", "speed",
)  # fmt: skip
SECTION = "  modes: [bidirectional]\n  heads: [mixture]\n"


def test_every_result_is_there(finished: Path) -> None:
    results = finished / "results"
    for figure in FIGURES:
        assert (results / f"figures/trajbert/{figure}.png").stat().st_size > 5000, figure
    assert "reproduced" in (results / "tables/trajbert/claims.html").read_text()
    assert "vampnet" in (results / "tables/trajbert/models.html").read_text()
    members = {row["member"] for row in rows(results / "summary/trajbert.csv")}
    assert members == {
        "small-bidirectional-mixture", "simulation", "nearest-basin", "linear", "msm", "tica", "vampnet"
    }  # fmt: skip


def test_sizes_modes_heads_and_seeds_are_combined(inputs: Path) -> None:
    settings = (inputs / "smoke.yaml").read_text()
    assert SECTION in settings
    more = "  sizes: [small, large]\n  seeds: [0, 1]\n  heads: [mixture, mse]\n"
    (inputs / "smoke.yaml").write_text(settings.replace(SECTION, more))
    jobs = planned(run_snakemake(inputs, "--dry-run", "trajbert").stdout)
    assert jobs["train_surface"] == jobs["evaluate_surface"] == 2 * 2 * 2 * 2
    assert jobs["rollout_surface"] == 2 * 2 * 2 * (2 + 1), "of a mean there is nothing to sample"
    assert jobs["simulate_surface"] == 5
    assert "prepare" not in jobs
    assert "screen" not in jobs


def test_a_stage_of_everything_has_its_files(inputs: Path) -> None:
    assert run_snakemake(inputs, "screen").returncode == 0
    jobs = planned(run_snakemake(inputs, "--dry-run", "simulate_all").stdout)
    assert jobs["simulate_surface"] == 5
    assert jobs["bursts"] > 0


def test_without_the_section_there_are_no_such_rules(inputs: Path) -> None:
    settings = (inputs / "smoke.yaml").read_text()
    (inputs / "smoke.yaml").write_text(settings[: settings.index("trajbert:")])
    refused = run_snakemake(inputs, "--dry-run", "trajbert")
    assert refused.returncode != 0
    assert "trajbert" in refused.stdout
    assert planned(run_snakemake(inputs, "--dry-run", "results/ethane/prepare/graph.json").stdout) == {"prepare": 1}


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("prompt: 16}", "prompt: 17}", "trajbert: rollout: prompt + slide"),
        ("kT: 25,", "kT: 25, friction: 1,", "trajbert.systems.mueller-brown: friction"),
        ("heads: [mixture]", "heads: [mixtur]", "trajbert.heads.0: "),
    ],
)
def test_bad_input_is_one_line(inputs: Path, old: str, new: str, line: str) -> None:
    assert_refused(inputs, "smoke.yaml", old, new, line)
