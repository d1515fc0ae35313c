"""A molecule whose dynamics explode: told of, left out on request, and back once it is mended."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow.runs import planned, run_snakemake
from tests.workflow.springs import EXPLODES

FAILED = "results/summary/failed.csv"
DROPPED = "results/tables/kstep/dropped.html"
WINDOWS = "results/kstep/window/qm/k8.json"


def with_springs(settings: str) -> str:
    """The settings with springs in place of xTB."""
    return settings.replace("potential: ase", "potential: ase\n    calculator: tests.workflow.springs:calculator")


def test_a_molecule_that_explodes(inputs: Path) -> None:
    # Springs hold atoms where they were prepared, not where another engine's bursts have them.
    settings = (inputs / "smoke.yaml").read_text().replace(", start: mm", "")
    (inputs / "smoke.yaml").write_text(with_springs(settings))

    failed = run_snakemake(inputs, WINDOWS)
    assert failed.returncode != 0
    lines = failed.stdout.splitlines()
    said = next(index for index, line in enumerate(lines) if line == "1 job failed; all that does not need it is done.")
    assert lines[said + 1].startswith(f"  bursts {EXPLODES}, qm: {EXPLODES}: the dynamics exploded")
    assert lines[said + 2].strip() == f"results/logs/bursts/{EXPLODES}.qm.log"
    assert "--config exclude_failed=true" in lines[said + 4]
    assert len(list((inputs / "results").glob("*/simulate/qm/bursts.h5"))) == 3
    with open(inputs / FAILED, newline="") as table:
        (row,) = csv.DictReader(table)
    assert (row["molecule"], row["engine"], row["rule"]) == (EXPLODES, "qm", "bursts")

    # Without the key it is tried again, with it it is left out of what is learned from that engine, and told of.
    assert planned(run_snakemake(inputs, "--dry-run", WINDOWS).stdout) == {"bursts": 1, "window": 1}
    done = run_snakemake(inputs, WINDOWS, DROPPED, "--config", "exclude_failed=true")
    assert done.returncode == 0, done.stdout[-3000:]
    assert "1 molecule is left out" in done.stdout
    assert EXPLODES not in (inputs / WINDOWS).read_text()
    assert "the dynamics exploded" in (inputs / DROPPED).read_text()
    rest = planned(run_snakemake(inputs, "--dry-run", "window_all", "--config", "exclude_failed=true").stdout)
    assert rest["bursts"] == 4, "the other engine has all molecules"

    # Mended, it comes back, whatever the key says, and is no longer listed once it is made.
    (inputs / "smoke.yaml").write_text(settings)
    back = planned(run_snakemake(inputs, "--dry-run", WINDOWS, "--config", "exclude_failed=true").stdout)
    assert back == {"bursts": 4, "window": 1}
    assert run_snakemake(inputs, f"results/{EXPLODES}/simulate/qm/bursts.h5").returncode == 0
    assert EXPLODES not in (inputs / FAILED).read_text()


def test_a_molecule_is_left_out_of_what_starts_from_bursts_that_failed(inputs: Path) -> None:
    settings = (inputs / "smoke.yaml").read_text().replace(", start: mm", "")
    settings = settings.replace("spacing_ps: 0.2}", "spacing_ps: 0.2, start: qm}")
    (inputs / "smoke.yaml").write_text(with_springs(settings))
    windows = WINDOWS.replace("qm", "mm")
    assert run_snakemake(inputs, windows).returncode != 0
    done = run_snakemake(inputs, windows, "--config", "exclude_failed=true")
    assert done.returncode == 0, done.stdout[-3000:]
    assert EXPLODES not in (inputs / windows).read_text()
    assert "methanol" in (inputs / windows).read_text()

    (inputs / "smoke.yaml").write_text(settings)
    back = planned(run_snakemake(inputs, "--dry-run", windows, "--config", "exclude_failed=true").stdout)
    assert back == {"bursts": 8, "window": 1}


def test_a_failed_roll_out_is_left_out_until_the_molecule_is_another(inputs: Path) -> None:
    table, replica = inputs / "molecules.tsv", inputs / "results/methylamine/simulate/mm/replica1.h5"
    table.write_text(table.read_text().replace("CN\t\t\ttrain", "CN\t\t\ttest"))
    assert run_snakemake(inputs, "screen", str(replica.relative_to(inputs))).returncode == 0
    replica.write_bytes(replica.read_bytes()[:1000])
    assert run_snakemake(inputs, "results/methylamine/rollout/mm/k4/verlet/seed0.h5").returncode != 0

    def rolled_out() -> int:
        dry = run_snakemake(inputs, "--dry-run", "rollout_all", "--config", "exclude_failed=true")
        return planned(dry.stdout)["rollout"]

    assert rolled_out() == 12 + 6 + 6, "one molecule with one engine, two with the other"
    table.write_text(table.read_text().replace("CN\t", "CCN\t"))
    assert run_snakemake(inputs, "screen").returncode == 0
    assert rolled_out() == 2 * (12 + 6)


@pytest.mark.parametrize("spoil", [lambda path: path.write_text("garbage\n"), Path.mkdir], ids=["another", "a folder"])
def test_a_bad_table_of_failures_hides_nothing(inputs: Path, spoil: Callable[[Path], object]) -> None:
    (inputs / FAILED).parent.mkdir(parents=True)
    spoil(inputs / FAILED)
    done = run_snakemake(inputs, "screen")
    assert done.returncode == 0
    assert sum(f"{FAILED}: " in line and "delete it" in line for line in done.stdout.splitlines()) == 1, done.stdout
    refused = run_snakemake(inputs, "--dry-run", "--config", "exclude_failed=true")
    assert refused.returncode != 0
    assert sum(f"{FAILED}: " in line and "delete it" in line for line in refused.stdout.splitlines()) == 1


def test_a_failure_is_told_of_whatever_the_table_of_failures(inputs: Path) -> None:
    (inputs / "molecules.tsv").write_text("name\tsmiles\nbroken\tC1CC\n")
    (inputs / FAILED).parent.mkdir(parents=True)
    (inputs / FAILED).write_text("garbage\n")
    failed = run_snakemake(inputs, "screen")
    assert failed.returncode != 0
    assert "1 job failed; all that does not need it is done." in failed.stdout
