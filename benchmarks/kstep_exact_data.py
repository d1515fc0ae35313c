"""Acceptance of single jumps against the amount of xTB data, on molecules never seen, by what training starts from.

Three starts: random weights; MMFF94 of the same molecule, which is all but free; xTB of other molecules.  Models are
judged on the last picosecond of bursts, which nothing is trained on.  Goes on where it stopped; records of molecules
that are not asked for stay in the file.

    python benchmarks/kstep_exact_data.py --out benchmarks/results/kstep_exact_data.json --figure docs/exact_data.png
"""

import argparse
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exact_runs import MEMBER, PRETRAINED, STRIDES_FS, UNSEEN, arguments, configuration, make, pretrained, steps
from matplotlib.figure import Figure
from record import record, write

from mdsnake.config import VERSIONS
from mdsnake.evaluate import style
from mdsnake.evaluate.jumps import jumps
from mdsnake.evaluate.metrics import METRICS
from mdsnake.evaluate.records import read_records
from mdsnake.families.kstep.config import Jump, JumpsSettings, TrainSettings
from mdsnake.families.kstep.task import open_task
from mdsnake.project import Project, load_project
from mdsnake.store.checkpoint import save_model
from mdsnake.store.h5md import Trajectory
from mdsnake.store.windows import WindowGroup, Windows
from mdsnake.store.work import fingerprint
from mdsnake.train.stage import train

DATA_PS = (0.0, 0.5, 2.0, 10.0)
JUDGED_PS = 1.0
METRICS_OF_JUMPS = ("jump_acceptance", "jump_energy_median", "jump_position_pm", "jump_velocity_relative")


def main() -> None:
    parser = arguments(__doc__, list(UNSEEN))
    parser.add_argument("--figure", type=Path, help="a picture of it, too")
    parser.add_argument("--stride", type=int, choices=STRIDES_FS, default=8)
    parser.add_argument("--quick", action="store_true", help="a toy run: checks the script, not the model")
    told = parser.parse_args()
    told.work = told.work.resolve()
    others = pretrained(told.work, told.quick)
    records = [one for name in told.molecules for one in molecule(name, others, told)]
    write(told.out, records, lambda one: one["system"])
    if told.figure:
        kept = [one for run in json.loads(told.out.read_text())["runs"] for one in run["records"]]
        style.save(drawn(kept, told.stride), told.figure)


def molecule(name: str, others: Path, told: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of every amount of data and every start."""
    configured = configuration(name, smoke=told.quick)
    length_ps = 1e-3 * configured["engines"]["qm"]["bursts"]["length_fs"]
    amounts = DATA_PS[:2] if told.quick else DATA_PS
    held = round(JUDGED_PS / length_ps) if not told.quick else 2
    if not told.quick:
        configured["engines"]["qm"]["bursts"]["count"] = round(amounts[-1] / length_ps) + held
    del configured["kstep"]["engines"]["qm"]["transfer"], configured["kstep"]["engines"]["qm"]["rollout"]
    index = f"kstep/window/qm/k{steps(told.stride, name)}.json"
    folder = told.work / f"{name}-data"
    results = make(folder, {name: UNSEEN[name]}, configured, [f"results/{PRETRAINED}", f"results/{index}"])
    project = load_project(configured, str(folder / "config.yaml"))
    whole = merged(Windows.load(folder / f"results/{index}"), folder)
    starts = {"random weights": None, "MMFF94": results / PRETRAINED, "xTB of other molecules": others}
    records = []
    for amount in amounts:
        parts = list(parted(whole.groups[0], round(amount / length_ps), held))
        Windows(whole.about, parts).save(folder / "windows.json")
        Windows(whole.about, parts[-1:]).save(folder / "judged.json")
        for label, start in starts.items():
            model = trained(folder / "windows.json", project, start, amount > 0)
            told_jumps = JumpsSettings(
                controls=[], jump=Jump(**whole.about), engine=project.engines["qm"], seed=project.seed
            )
            jumps(folder / "judged.json", told_jumps, [model], folder / "jumps.csv", "cpu")
            setting = f"{told.stride:g} fs, from {label}, {amount:g} ps of xTB"
            records += [
                record(name, MEMBER, setting, row.metric, METRICS[row.metric].unit, row.value, n=row.n)
                for row in read_records(folder / "jumps.csv")
                if row.metric in METRICS_OF_JUMPS
            ]
    return records


def merged(windows: Windows, folder: Path) -> Windows:
    """The windows of the one molecule as one group, with paths that hold outside of `folder`."""
    first, starts = windows.groups[0], sorted(start for group in windows.groups for start in group.starts)
    paths = {"prepared": str(folder / first.prepared), "trajectory": str(folder / first.trajectory)}
    return Windows(windows.about, [dataclasses.replace(first, starts=starts, **paths)])


def parted(group: WindowGroup, bursts: int, held: int) -> Iterator[WindowGroup]:
    """The first `bursts`, every tenth of them for validation, and the last `held` for the test."""
    segment = Trajectory.load(group.trajectory).segment
    last = int(segment.max()) + 1 - held
    used = [start for start in group.starts if segment[start] < min(max(bursts, 1), last)]
    for split, chosen in (
        ("train", [start for start in used if segment[start] % 10 or bursts < 2]),
        ("validation", [start for start in used if segment[start] % 10 == 0 and bursts > 1]),
        ("test", [start for start in group.starts if segment[start] >= last]),
    ):
        yield dataclasses.replace(group, split=split, starts=chosen)


def trained(windows: Path, project: Project, start: Path | None, on_data: bool) -> Path:
    """The model that `start` becomes by a training on `windows`, or as it is; kept from an earlier run."""
    learned, member = project.kstep.engines["qm"], project.kstep.members[MEMBER]
    settings = TrainSettings(
        member=MEMBER, network=member.network, loss=learned.loss, augmentation=project.kstep.augmentation,
        training=learned.train, seed=project.seed,
    )  # fmt: skip
    told = settings.model_dump(mode="json")
    key = fingerprint(VERSIONS["train"], told, on_data, windows, *([start] if start else []))
    out = windows.parent / f"{key[:12]}.safetensors"
    if out.exists():
        return out
    if on_data:
        train(windows, settings, start, out, out.with_suffix(".csv"), out.with_suffix(".work"), "cpu")
    else:
        task = open_task(windows, settings, start)
        save_model(out, task.model, task.header)
    return out


def drawn(records: list[dict[str, Any]], stride_fs: int) -> Figure:
    """Acceptance of single jumps against the amount of data, a panel for each molecule, a line for each start."""
    lines: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for one in records:
        if one["metric"] == "jump_acceptance":
            _, start, data = one["setting"].split(", ")
            lines.setdefault((one["system"], start), []).append((float(data.split()[0]), one["value"]))
    names, starts = (list(dict.fromkeys(key[part] for key in lines)) for part in (0, 1))
    styles = style.member_styles(starts)
    figure, [panels] = style.panels(1, len(names), width=2.4)
    for panel, name in zip(panels, names, strict=True):
        for start in starts:
            data_ps, accepted = zip(*lines[name, start], strict=True)
            look = styles[start]
            panel.plot(range(len(data_ps)), accepted, color=look.colour, lw=look.width, marker=look.marker, ms=4)
        panel.set_xticks(range(len(data_ps)), [f"{ps:g}" for ps in data_ps])
        panel.set_xlabel("ps of xTB learned from")
        panel.set_ylim(0, 1)
        panel.set_title(name)
    panels[0].set_ylabel("jumps taken")
    caption = f"Single jumps of {stride_fs} fs from states of bursts that nothing was trained on; GFN2-xTB, 300 K."
    return style.finish(figure, "Data that a new molecule needs", caption, style.line_handles(styles, markers=True))


if __name__ == "__main__":
    main()
