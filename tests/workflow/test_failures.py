"""A molecule whose dynamics explode: told of, left out on request, and back once it is mended."""

import csv
from pathlib import Path

from tests.workflow.runs import planned, run_snakemake
from tests.workflow.springs import EXPLODES

DROPPED = "results/tables/kstep/dropped.html"
WINDOWS = "results/kstep/window/qm/k8.json"


def test_a_molecule_that_explodes(inputs: Path) -> None:
    settings = (inputs / "smoke.yaml").read_text()
    springs = settings.replace("potential: ase", "potential: ase\n    calculator: tests.workflow.springs:calculator")
    (inputs / "smoke.yaml").write_text(springs)

    failed = run_snakemake(inputs, WINDOWS)
    assert failed.returncode != 0
    lines = failed.stdout.splitlines()
    said = next(index for index, line in enumerate(lines) if line == "1 job failed; all that does not need it is done.")
    assert lines[said + 1].startswith(f"  bursts {EXPLODES}, qm: {EXPLODES}: the dynamics exploded")
    assert lines[said + 2].strip() == f"results/logs/bursts/{EXPLODES}.qm.log"
    assert "--config exclude_failed=true" in lines[said + 4]
    assert len(list((inputs / "results").glob("*/simulate/qm/bursts.h5"))) == 3
    with open(inputs / "results/summary/failed.csv", newline="") as table:
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

    # Mended, it comes back, whatever the key says.
    (inputs / "smoke.yaml").write_text(settings)
    back = planned(run_snakemake(inputs, "--dry-run", WINDOWS, "--config", "exclude_failed=true").stdout)
    assert back == {"bursts": 4, "window": 1}
