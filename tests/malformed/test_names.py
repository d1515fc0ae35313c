"""Names and paths can neither break the workflow nor reach a shell."""

from pathlib import Path

import pytest

from tests.workflow.runs import copy_inputs, run_snakemake

HARM = "touch harm"
LONGEST = "-".join(["methyl", "ethyl", "propyl", "butyl", "futile"] * 4)[:100]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("molecules.tsv", "ethane\tCC", f"$({HARM})\tCC", f"row 1 ($({HARM})): name"),
        ("molecules.tsv", "ethane\tCC", "../ethane\tCC", "row 1 (../ethane): name"),
        ("smoke.yaml", "molecules: molecules.tsv", f"molecules: molecules.tsv\nresults: a;{HARM}", "results: write a"),
        ("smoke.yaml", "\n  mm:\n", f"\n  '`{HARM}`':\n", f"engines.`{HARM}`"),
        ("smoke.yaml", "\n    egnn:", f"\n    'a\"$({HARM})':", f'kstep.members.a"$({HARM})'),
        ("smoke.yaml", "molecules: molecules.tsv", "molecules: '{molecule}.tsv; id'", "molecules: write a path"),
    ],
)
def test_a_name_for_the_shell_is_refused(tmp_path: Path, file: str, old: str, new: str, words: str) -> None:
    inputs = copy_inputs(tmp_path / "run")
    content = (inputs / file).read_text()
    assert old in content
    (inputs / file).write_text(content.replace(old, new, 1))
    before = set(tmp_path.rglob("*"))
    refused = run_snakemake(inputs, "--dry-run")
    assert refused.returncode != 0
    assert sum(words in line for line in refused.stdout.splitlines()) == 1, refused.stdout
    assert "Traceback" not in refused.stdout
    left = {path.name for path in set(tmp_path.rglob("*")) - before if ".snakemake" not in path.parts}
    assert not left


def test_odd_folders_work(tmp_path: Path) -> None:
    inputs = copy_inputs(tmp_path / "my runs, é (1)")
    (inputs / "molecules.tsv").rename(inputs / "my molecules (2).tsv")
    content = (inputs / "smoke.yaml").read_text()
    odd = 'molecules: "my molecules (2).tsv"\nresults: "my results/a=1, +x@é"'
    (inputs / "smoke.yaml").write_text(content.replace("molecules: molecules.tsv", odd))
    target = "my results/a=1, +x@é/ethane/prepare/graph.json"
    done = run_snakemake(inputs, target)
    assert done.returncode == 0, done.stdout[-3000:]
    assert (inputs / target).is_file()
    assert {path.name for path in inputs.iterdir()} == {
        ".snakemake",
        "smoke.yaml",
        "proteins.tsv",
        "my molecules (2).tsv",
        "my results",
    }


def test_odd_names_that_are_allowed_work(tmp_path: Path) -> None:
    """Words that Snakemake or Python mean something by, and a name as long as they get."""
    inputs = copy_inputs(tmp_path)
    names = ["all", "lambda", "None", "input", "0", "con", LONGEST, "x-1_y"]
    (inputs / "molecules.tsv").write_text("name\tsmiles\tsplit\n" + "".join(f"{name}\tCC\ttrain\n" for name in names))
    targets = [f"results/{name}/rollout/mm/k4/transformer-egnn/seed0.h5" for name in names]
    planned = run_snakemake(inputs, "--dry-run", "screen", "prepare_all", *targets)
    assert planned.returncode == 0, planned.stdout[-3000:]
    longest = run_snakemake(inputs, f"results/{LONGEST}/prepare/graph.json")
    assert longest.returncode == 0, longest.stdout[-3000:]
