"""QM error against the amount of QM data, with and without classical pretraining, and with frozen layers."""

from pathlib import Path
from typing import Any

from record import record

from mdsnake.config import PlainEngine, SimulateSettings, Training
from mdsnake.evaluate.jumps import jumps
from mdsnake.evaluate.metrics import METRICS
from mdsnake.evaluate.records import read_records
from mdsnake.families.kstep.config import Augmentation, Jump, JumpsSettings, LossWeights, Network, TrainSettings
from mdsnake.store.checkpoint import read_model
from mdsnake.store.h5md import Trajectory
from mdsnake.store.windows import WindowGroup, Windows
from mdsnake.train.stage import train

BURSTS = (2, 8, 30)  # of each training molecule
STEPS = 250
STARTS = {"from scratch": None, "pretrained": 0, "pretrained, 1 layer frozen": 1}


def transfer(folder: Path, quick: bool = False) -> list[dict[str, Any]]:
    """Records of the shortest QM jump of the member egnn on the test molecules."""
    source = sorted(folder.glob("kstep/train/*/k*/egnn/model.safetensors"), key=_lag)
    qm = next(path for path in source if "/qm/" in str(path))
    header, _ = read_model(qm)
    pretrained, jump = Path(header["init"]), Jump(**header["jump"])
    windows = Windows.load(folder / f"kstep/window/qm/k{jump.k}.json")
    test = Windows(windows.about, windows.of("test"))
    told = SimulateSettings(**Trajectory.load(test.groups[0].trajectory).provenance["settings"])
    work = folder / "transfer"
    test.save(work / "test.json")
    records = []
    for bursts in BURSTS[:1] if quick else BURSTS:
        kept = [_first_bursts(group, bursts) for group in windows.groups if group.split != "test"]
        Windows(windows.about, kept).save(work / f"{bursts}.json")
        data_ps = bursts * told.bursts.length_fs * 1e-3
        for label, frozen in STARTS.items():
            settings = TrainSettings(
                member="egnn",
                network=Network(**header["network"]),
                loss=LossWeights(),
                augmentation=Augmentation(),
                training=Training(
                    max_steps=10 if quick else STEPS,
                    batch_size=64,
                    learning_rate=2e-3 if frozen is not None else 4e-3,
                    warmup_steps=20,
                    validate_every=10 if quick else 50,
                    ema_decay=0.99,
                ),
                frozen_layers=frozen or 0,
                seed=0,
            )
            name = f"{bursts}-{label.replace(', ', '-').replace(' ', '-')}"
            model = work / f"{name}.safetensors"
            start = None if frozen is None else pretrained
            train(work / f"{bursts}.json", settings, start, model, work / f"{name}.csv", work / f"{name}.work", "cpu")
            records += judged(
                "transfer", test, work, model, jump, told.engine, f"{label}, {data_ps:.3g} ps of QM per molecule"
            )
    return records + judged("transfer", test, work, None, jump, told.engine, "no learning (ballistic)")


def judged(
    study: str, test: Windows, work: Path, model: Path | None, jump: Jump, engine: PlainEngine, setting: str
) -> list[dict[str, Any]]:
    settings = JumpsSettings(controls=[] if model else ["ballistic"], jump=jump, engine=engine, seed=0)
    jumps(work / "test.json", settings, [model] if model else [], work / "jumps.csv", "cpu")
    return [
        record(row.molecule, row.member, f"{study}, {jump.lag_ps * 1e3:g} fs, {setting}", row.metric,
               METRICS[row.metric].unit, row.value, n=row.n)
        for row in read_records(work / "jumps.csv")
        if row.metric in ("jump_position_pm", "jump_velocity_relative", "jump_energy_median", "jump_acceptance")
    ]  # fmt: skip


def _first_bursts(group: WindowGroup, count: int) -> WindowGroup:
    """The windows of the first `count` bursts; validation keeps all of its own."""
    if group.split == "validation":
        return group
    segment = Trajectory.load(group.trajectory).segment
    return WindowGroup(group.system, group.split, group.prepared, group.trajectory,
                       [start for start in group.starts if segment[start] < count])  # fmt: skip


def _lag(path: Path) -> float:
    return Jump(**read_model(path)[0]["jump"]).lag_ps
