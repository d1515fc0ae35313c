"""Acceptance of single jumps on molecules never seen, against the number of molecules trained on."""

from pathlib import Path
from typing import Any

from kstep_transfer import judged

from mdsnake.config import PrepareSettings, SimulateSettings, Training, read_table
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import Augmentation, Jump, LossWeights, Network, TrainSettings, WindowSettings
from mdsnake.prepare.stage import prepare
from mdsnake.simulate.stage import simulate_bursts
from mdsnake.store.checkpoint import read_model
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory
from mdsnake.store.windows import Windows
from mdsnake.train.stage import train
from mdsnake.window.stage import window

ROOT = Path(__file__).parents[1]
COUNTS = (8, 24, 72)
MOST_ATOMS = 16
STEPS = 800


def molecules(folder: Path, quick: bool = False) -> list[dict[str, Any]]:
    """Records of the longest classical jump of the member egnn on the test molecules of the workflow in `folder`."""
    models = [(read_model(path)[0], path) for path in folder.glob("kstep/train/mm/k*/egnn/model.safetensors")]
    header, _ = max(models, key=lambda model: model[0]["jump"]["k"])
    jump = Jump(**header["jump"])
    windows = Windows.load(folder / f"kstep/window/mm/k{jump.k}.json")
    test, work = Windows(windows.about, windows.of("test")), folder / "molecules"
    test.save(work / "test.json")
    simulated = SimulateSettings(**Trajectory.load(test.groups[0].trajectory).provenance["settings"])
    counts = COUNTS[:1] if quick else COUNTS
    names = _simulated(work, simulated, {group.system for group in test.groups}, max(counts) + 2)
    held, names = names[:2], names[2:]
    records = []
    for count in counts:
        used = [*held, *names[:count]]
        splits = {name: "validation" if name in held else "train" for name in used}
        told = WindowSettings(jump=jump, stride=2, splits=splits, validation_fraction=0.15, seed=0)
        folders, bursts = [work / name for name in used], [work / name / "bursts.h5" for name in used]
        window(told, folders, bursts, work / f"{count}.json")
        settings = TrainSettings(
            member="egnn", network=Network(**header["network"]), loss=LossWeights(), augmentation=Augmentation(),
            training=Training(max_steps=10 if quick else STEPS, batch_size=64, learning_rate=4e-3, warmup_steps=50,
                              validate_every=10 if quick else 50, ema_decay=0.99),
            seed=0,
        )  # fmt: skip
        model = work / f"{count}.safetensors"
        train(work / f"{count}.json", settings, None, model, work / f"{count}.csv", work / f"{count}.work", "cpu")
        records += judged(
            "molecules", test, work, model, jump, simulated.engine, f"{len(names[:count])} training molecules"
        )
    return records


def _simulated(work: Path, told: SimulateSettings, excluded: set[str], count: int) -> list[str]:
    """Names of the first `count` small molecules of the full table that simulate well, with their bursts in `work`."""
    smiles = {row.smiles for row in read_table(ROOT / "config/molecules.tsv") if row.name in excluded}
    done: list[str] = []
    for row in read_table(ROOT / "config/molecules_full.tsv"):
        if row.name in excluded or row.smiles in smiles or len(done) == count:
            continue
        folder = work / row.name
        try:
            if not (folder / "graph.json").exists():
                prepare(PrepareSettings(molecule=row, forcefield="mmff94", seed=0), folder)
            if len(MoleculeGraph.load(folder / "graph.json").numbers) > MOST_ATOMS:
                continue
            if not (folder / "bursts.h5").exists():
                simulate_bursts(
                    folder, told.model_copy(update={"name": row.name, "seed": 0}), folder / "bursts.h5", folder / "work"
                )
        except UserError as error:
            print(error, flush=True)
            continue
        done.append(row.name)
    return done
