"""Runs of the workflow on one's own molecules: `config/exact.yaml` with other molecules, lengths and strides."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mdsnake.store.atomic import write_text

ROOT = Path(__file__).parents[1]
MEMBER = "reversible"
STRIDES_FS = (4, 8, 16)
OWN = {"ethanol": "CCO", "aspirin": "CC(=O)Oc1ccccc1C(=O)O", "alanine-dipeptide": "CC(=O)NC(C)C(=O)NC"}
#: Never trained on but for fine-tuning; what they are made of is in `OTHERS`.
UNSEEN = {"1-propanol": "CCCO", "n-methylacetamide": "CNC(C)=O", "methyl-lactate": "COC(=O)C(C)O"}
OTHERS = {
    "methanol": "CO", "ethane": "CC", "dimethyl-ether": "COC", "acetaldehyde": "CC=O", "acetone": "CC(C)=O",
    "formamide": "NC=O", "n-methylformamide": "CNC=O", "acetic-acid": "CC(=O)O", "propane": "CCC", "ethanol": "CCO",
    "methyl-formate": "COC=O", "acetamide": "CC(N)=O", "2-propanol": "CC(C)O", "propanal": "CCC=O", "butane": "CCCC",
    "methyl-acetate": "COC(C)=O", "ethyl-methyl-ether": "CCOC", "glycolaldehyde": "OCC=O", "lactic-acid": "CC(O)C(=O)O",
    "propanamide": "CCC(N)=O",
}  # fmt: skip
LARGE = ("aspirin", "alanine-dipeptide", "phenylethylamine")
LARGE_BATCH = 16
#: The model that one's own molecule begins with, in the results.
PRETRAINED = f"kstep/train/flex/k16/{MEMBER}/model.safetensors"
#: Bursts of 0.1 ps: 2 ps of fine-tuning, or for each of the others.
FEW_BURSTS = 20
OTHERS_STEPS = 10_000


def arguments(description: str | None, molecules: Sequence[str] = ()) -> argparse.ArgumentParser:
    """What every script on these runs is asked: where to, the folder of the runs, and which of `molecules`, if any."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("results/kstep_exact"), help="folder of the runs")
    if molecules:
        every, names = list(molecules), ", ".join(molecules)
        parser.add_argument("--molecules", nargs="+", choices=every, default=every, metavar="NAME", help=names)
    return parser


def timestep_fs(name: str) -> float:
    """Of the dynamics that a network learns; a call for 20 atoms costs so much that it is longer."""
    return 0.5 if name in LARGE else 0.25


def steps(stride_fs: float, name: str) -> int:
    """k of a stride."""
    return round(stride_fs / timestep_fs(name))


def configuration(
    name: str,
    *,
    max_steps: int | None = None,
    bursts: int | None = None,
    init: Path | None = None,
    reference_ps: float | None = None,
    rollout: dict[str, Any] | None = None,
    smoke: bool = False,
) -> dict[str, Any]:
    """`config/exact.yaml` for all strides: which of them are run is for the targets to say, so that more may follow.

    Parameters
    ----------
    name : of the molecule
    max_steps : of the training on xTB; none: as in the file
    bursts : of xTB to learn from; none: as many as in the file
    init : a model file to start from; none: pretraining on MMFF94 as in the file
    reference_ps : length of each of the two reference runs
    rollout : what differs of the roll-out's settings
    smoke : as little of everything as runs through
    """
    told: dict[str, Any] = yaml.safe_load((ROOT / "config/exact.yaml").read_text())
    told |= {"results": "results", "molecules": "molecules.tsv", "device": "cpu"}
    flex, qm = told["engines"]["flex"], told["engines"]["qm"]
    learned = told["kstep"]["engines"]["qm"]
    qm["timestep_fs"] = timestep_fs(name)
    qm["production_ps"] = reference_ps or qm["production_ps"]
    qm["bursts"]["count"] = bursts or qm["bursts"]["count"]
    learned["k"] = [steps(stride, name) for stride in STRIDES_FS]
    learned["rollout"] |= rollout or {}
    for engine in told["kstep"]["engines"].values():
        engine["train"] = engine["train"] | ({"batch_size": LARGE_BATCH} if name in LARGE else {})
    learned["train"]["max_steps"] = max_steps or learned["train"]["max_steps"]
    if init:
        learned["transfer"] = {"model": str(init)}
    if smoke:
        flex |= {"equilibration_ps": 0.1, "bursts": {"count": 12, "length_fs": 20, "spacing_ps": 0.02}}
        qm |= {"equilibration_ps": 0.02, "production_ps": 0.2}
        qm["bursts"] |= {"count": min(12, qm["bursts"]["count"]), "length_fs": 20, "spacing_ps": 0.01}
        learned["rollout"] |= {"walkers": 2, "time_ps": 0.1, "nve_ps": 0.02}
        for engine in told["kstep"]["engines"].values():
            engine["train"] |= {"max_steps": 4, "batch_size": 4, "validate_every": 2}
    return told


def make(folder: Path, molecules: dict[str, str], told: dict[str, Any], targets: Sequence[str]) -> Path:
    """Have the workflow make `targets` in `folder`, one job at a time, as times are measured; the results."""
    rows = "".join(f"{name}\t{smiles}\ttrain\n" for name, smiles in molecules.items())
    _write(folder / "molecules.tsv", f"name\tsmiles\tsplit\n{rows}")
    _write(folder / "config.yaml", yaml.safe_dump(told, sort_keys=False))
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    options = ["--configfile", folder / "config.yaml", "--cores", "1", "--rerun-incomplete", "--quiet", "rules"]
    subprocess.run(list(map(str, [*command, *options, "--", *targets])), cwd=ROOT, check=True)
    return folder / "results"


def model(name: str) -> str:
    """The model for jumps of every stride, in the results."""
    return f"kstep/train/qm/k{steps(max(STRIDES_FS), name)}/{MEMBER}/model.safetensors"


def pretrained(folder: Path, smoke: bool = False) -> Path:
    """The model of the `OTHERS`: MMFF94, then 2 ps of xTB of each."""
    told = configuration("others", bursts=FEW_BURSTS, max_steps=OTHERS_STEPS, smoke=smoke)
    del told["kstep"]["engines"]["qm"]["rollout"]
    return make(folder / "others", OTHERS, told, [f"results/{model('others')}"]).resolve() / model("others")


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        write_text(path, text)
