"""One good input of each kind, to be spoilt: water by the toy force field, made in a second."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mdsnake.config import PlainEngine
from mdsnake.evaluate.config import EvaluateSettings
from mdsnake.evaluate.stage import evaluate
from mdsnake.families.kstep.config import (
    Augmentation,
    JumpsSettings,
    LossWeights,
    Rollout,
    RolloutSettings,
    TrainSettings,
    WindowSettings,
)
from mdsnake.store.h5md import Trajectory
from mdsnake.units import BOLTZMANN
from mdsnake.window.stage import window
from tests.families.kstep.case import save
from tests.families.kstep.toys import JUMP, network, toy_model
from tests.malformed.chains import make_chains
from tests.malformed.walkers import make_surface
from tests.toys import toy_graph, write_prepared

WORKFLOW = Path(__file__).parents[1] / "workflow"
FORCE_FIELD = f"""<ForceField>
 <AtomTypes>
  <Type name="c" class="c" element="C" mass="12.011"/>
  <Type name="h" class="h" element="H" mass="1.008"/>
 </AtomTypes>
 <Residues><Residue name="MOL">
  <Atom name="C1" type="c"/>{"".join(f'<Atom name="H{i}" type="h"/>' for i in range(1, 5))}
  {"".join(f'<Bond atomName1="C1" atomName2="H{i}"/>' for i in range(1, 5))}
 </Residue></Residues>
 <HarmonicBondForce><Bond class1="c" class2="h" length="0.109" k="284512"/></HarmonicBondForce>
</ForceField>
"""


@dataclasses.dataclass(frozen=True)
class Good:
    """Where each kind of input lies."""

    table: Path
    config: Path
    forcefield: Path
    prepared: Path
    graph: Path
    system: Path
    bursts: Path
    windows: Path
    model: Path
    rollout: Path
    summary: Path
    curves: Path
    history: Path
    molecules: Path
    surface: Path
    exact: Path
    walkers: Path
    walker_windows: Path
    walker_model: Path
    generated: Path
    scores: Path
    drawing: Path
    proteins: Path
    structure: Path
    pdb: Path
    backbone: Path


def settings(name: str) -> dict[str, Any]:
    """The settings of a command."""
    engine = PlainEngine.model_validate(
        {
            "potential": "openmm", "platform": "Reference", "timestep_fs": 1, "friction_per_ps": 1.0,
            "equilibration_ps": 0.01, "production_ps": 0.02, "record_fs": 2,
        }
    )  # fmt: skip
    bursts = {"count": 2, "length_fs": 12, "spacing_ps": 0.01}
    told = {
        "screen": {"forcefield": "mmff94", "split": {}, "engines": ["mm"], "seed": 0},
        "prepare": {"molecule": {"name": "methane", "smiles": "C"}, "forcefield": "mmff94", "seed": 0},
        "simulate": {"name": "h2o", "engine": engine, "bursts": bursts, "seed": 0},
        "engine": engine,
        "window": WindowSettings(
            jump=JUMP, stride=2, splits={"h2o": "train", "a": "train"}, validation_fraction=0.3, seed=0
        ),
        "train": TrainSettings(
            member="egnn", network=network(), loss=LossWeights(), augmentation=Augmentation(), training={}, seed=0
        ),
        "rollout": RolloutSettings(
            member="egnn", jump=JUMP, rollout=Rollout(walkers=2, time_ps=0.01, nve_ps=0.01), seed=0
        ),
        "jumps": JumpsSettings(controls=["zero"], jump=JUMP, engine=engine, seed=0),
        "evaluate": evaluation(),
    }[name]
    return json.loads(json.dumps(told, default=lambda part: part.model_dump(mode="json")))


def evaluation() -> EvaluateSettings:
    return EvaluateSettings(
        molecule="h2o", split="test", engine="mm", member="egnn", k=4, timestep_fs=1, temperature_K=300, seed=0
    )


def trajectory(frame_ps: float, segments: int = 3, frames: int = 13) -> Trajectory:
    """Water that trembles about its conformer."""
    graph, rng = toy_graph("H2O"), np.random.default_rng(0)
    n, masses = segments * frames, np.array(graph.masses)
    noise = rng.normal(size=(3, n, graph.n_atoms, 3))
    return Trajectory(
        numbers=np.array(graph.numbers), masses=masses, positions=np.array(graph.positions) + 1e-3 * noise[0],
        velocities=noise[1] * np.sqrt(BOLTZMANN * 300 / masses)[:, None], forces=10 * noise[2],
        potential=rng.normal(size=n), segment=np.repeat(np.arange(segments), frames), frame_ps=frame_ps,
        degrees_of_freedom=6, counters={"force_calls": 100.0, "total_ms": 10.0},
    )  # fmt: skip


def make(folder: Path) -> Good:
    """Write them all into `folder`."""
    prepared = write_prepared(folder / "h2o", "H2O")
    bursts, rollout = folder / "bursts.h5", folder / "rollout.h5"
    trajectory(0.001).save(bursts)
    trajectory(0.004).save(rollout)
    window(WindowSettings.model_validate(settings("window")), [prepared], [bursts], folder / "k4.json")
    save(folder / "model.safetensors", toy_model())
    history = folder / "train" / "mm" / "k4" / "egnn" / "history.csv"
    history.parent.mkdir(parents=True)
    history.write_text("step,seconds,train_loss,val_loss,data_seconds\n10,1.0,0.5,0.6,2.0\n20,2.0,0.4,,2.0\n")
    files = [rollout, rollout, bursts, bursts, history, folder / "egnn.csv", folder / "egnn.json"]
    evaluate(prepared, evaluation(), *files)
    (folder / "methane.xml").write_text(FORCE_FIELD)
    for name in ("molecules.tsv", "proteins.tsv"):
        shutil.copy(WORKFLOW / name, folder / name)
    config = yaml.safe_load((WORKFLOW / "smoke.yaml").read_text()) | {"molecules": "molecules.tsv"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    with open(folder / "molecules.csv", "w", newline="") as file:
        rows = [["molecule", "status", "reason"], ["a", "ok", ""], ["b", "dropped", "no shell"]]
        csv.writer(file, lineterminator="\n").writerows(rows)
    return Good(
        table=folder / "molecules.tsv", config=folder / "config.yaml", forcefield=folder / "methane.xml",
        prepared=prepared, graph=prepared / "graph.json", system=prepared / "system.xml", bursts=bursts,
        windows=folder / "k4.json", model=folder / "model.safetensors", rollout=rollout, summary=folder / "egnn.csv",
        curves=folder / "egnn.json", history=history, molecules=folder / "molecules.csv",
        proteins=folder / "proteins.tsv", **make_surface(folder / "surface"), **make_chains(folder),
    )  # fmt: skip
