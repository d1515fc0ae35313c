"""Models of protein backbones: what they learn by heart, what they sample, beside natives and random walks, how fast.

Runs the workflow on config/config.yaml, its section backbone changed as `PARTS` tell; interrupted, it goes on where it
stopped.  Parts may be run one by one: the records of the others stay in the file.

    python benchmarks/backbone.py --out benchmarks/results/backbone.json
    python benchmarks/backbone.py --parts memorise --data FOLDER_OF_PDB_FILES --steps 20000 --out FILE
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import torch
import yaml
from record import over_seeds, record, write
from runs import ROOT, summarized

from mdsnake.evaluate.metrics import Mark
from mdsnake.evaluate.proteins.metrics import CONTROLS, MEMORISED, METRICS
from mdsnake.evaluate.records import Score
from mdsnake.families.backbone.config import About, Backbone, Memorise, Sample
from mdsnake.families.backbone.data import collate
from mdsnake.families.backbone.model import BackboneModel
from mdsnake.families.backbone.sampler import sample
from mdsnake.families.backbone.task import make_model
from mdsnake.families.base import resolve_device
from mdsnake.store.atomic import write_text

#: The five domains of the memorisation test, where the folder of `--data` holds them.
DOMAINS = ("2hba_A", "1W0T_A", "1RPE_L", "1au7A02", "1AZP_A")
LONGEST = 128
#: What is changed of the section backbone; `memorise` goes by memorise.steps, the others by train.max_steps.
#: `whole` trains as the source does: on chains as they are, of which a network may know the shapes.
PARTS: dict[str, dict[str, Any]] = {
    "memorise": {"sample": {"count": 8}},
    "generation": {"sample": {"lengths": [64, 96, 128], "count": 16}},
    "whole": {
        "cropped": 0.0,
        "shape_weight": Memorise().shape_weight,
        "sample": {"lengths": [64, 96, 128], "count": 2},
    },
    "speed": {},
}
#: Whose chains are noised and told in one step.
DENOISED = ("training", "held-out")
MEMBERS = ("cartesian", "frames")
TRAINING: dict[str, Any] = {
    "batch_size": 8, "learning_rate": 2e-3, "warmup_steps": 200, "validate_every": 500, "ema_decay": 0.998,
    "patience": 1000,
}  # fmt: skip
#: Parts of a training of which the mean loss is told.
POINTS = 5
#: Residues of the samples that are timed, and the samples of each.
LENGTHS, TIMED = (32, 64, 128, 256), 2
#: Two numbers of steps, both with as many pictures: their difference is steps alone.
TIMED_STEPS = (20, 60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=ROOT / "results/backbone_benchmark", help="folder of the runs")
    parser.add_argument("--data", type=Path, help="folder of PDB files: the five domains to memorise are taken from it")
    parser.add_argument("--quick", action="store_true", help="toy settings: checks the script, not the models")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--members", nargs="+", choices=MEMBERS, default=MEMBERS, help="trained as long as each other")
    parser.add_argument("--size", choices=("tiny", "full"), default="tiny", help="of the member cartesian")
    parser.add_argument("--steps", type=int, default=10000, help="of each training")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--cores", default="all")
    told = parser.parse_args()
    told.work = told.work.resolve()
    write(told.out, [one for part in told.parts for one in measured(part, told)], whose)


def whose(one: dict[str, Any]) -> tuple[str, str]:
    """What is measured anew together."""
    return one["system"], one["member"]


def measured(part: str, told: argparse.Namespace) -> list[dict[str, Any]]:
    """The records of a part."""
    configured = configuration(part, told)
    if part == "speed":
        return list(speed(Backbone.model_validate(configured["backbone"]), told.device, told.quick))
    task, marks = ("backbone/memorise", MEMORISED) if part == "memorise" else ("backbone", {})
    scores = summarized(told.work / part, configured, f"summary/{task}.csv", told.cores)
    card = json.loads((told.work / part / task / "window/card.json").read_text())
    system = f"{card['used']} proteins"
    if part == "whole":  # so few samples tell nothing
        system, scores = f"{system}, whole", [score for score in scores if score.how.startswith(DENOISED)]
    return [*judged(system, scores, marks), *trained(system, told.work / part, task, told)]


def configuration(part: str, told: argparse.Namespace) -> dict[str, Any]:
    """The configuration of a part."""
    source = ROOT / ("tests/workflow/smoke.yaml" if told.quick else "config/config.yaml")
    configured = yaml.safe_load(source.read_text())
    del configured["trajbert"]
    section, folder = configured["backbone"], told.work / part
    if told.quick:
        configured["molecules"] = str((source.parent / "molecules.tsv").relative_to(ROOT))
        section["proteins"] = str((source.parent / "proteins.tsv").relative_to(ROOT))
    else:
        for key, changed in PARTS[part].items():
            section[key] = section[key] | changed if isinstance(changed, dict) else changed
        section["residues"] = {"min": 40, "max": LONGEST}
        more = {"cartesian": {"size": told.size}, "frames": {}}
        section["members"] = {member: {"kind": member, **more[member]} for member in told.members}
        section["sample"].pop("steps", None)
        section["train"] = TRAINING | {"max_steps": told.steps}
        section["scaffolded"] = 0.0  # samples are from nothing
        section["memorise"] = {"proteins": len(DOMAINS), "steps": told.steps}
        if part == "memorise" and told.data:
            rows = [f"{name}\t{(told.data / name).resolve()}.pdb\n" for name in DOMAINS]
            write_text(folder / "proteins.tsv", "name\tsource\n" + "".join(rows))
            section["proteins"] = str(folder / "proteins.tsv")
    section["seeds"] = list(range(told.seeds))
    return configured | {"results": str(folder), "device": told.device}


def judged(system: str, scores: list[Score], marks: dict[str, Mark]) -> Iterator[dict[str, Any]]:
    """Means over seeds of every metric, with floor and mark; natives and controls are not judged."""
    grouped: dict[tuple[str, str, str], list[Score]] = defaultdict(list)
    for score in scores:
        grouped[score.member, score.how, score.metric].append(score)
    for (member, how, metric), group in sorted(grouped.items()):
        mean, floor = over_seeds([s.value for s in group]), over_seeds([s.floor for s in group])["value"]
        chains = sum(s.n for s in group)
        judging = member not in CONTROLS and how != "held-out"
        mark = marks.get(metric, None if marks else METRICS[metric].mark) if judging else None
        more: dict[str, Any] = {"mark": mark.text, "met": bool(mark.met(mean["value"], floor))} if mark else {}
        spread = {} if len(group) == 1 else {name: mean[name] for name in ("low", "high")}
        yield record(
            system, member, how, metric, METRICS[metric].unit, mean["value"], **spread, n=chains, floor=floor, **more
        )


def trained(system: str, folder: Path, task: str, told: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """How long each member was trained, in steps and in minutes of a processor, and the loss as it went down."""
    for member in told.members:
        steps, minutes, curves = [], [], []
        for seed in range(told.seeds):
            curve = pandas.read_csv(folder / task / f"train/{member}/seed{seed}/history.csv")
            job = pandas.read_csv(folder / "benchmarks/train_proteins" / task / f"{member}.seed{seed}.tsv", sep="\t")
            part = np.ceil(POINTS * curve.step / curve.step.iloc[-1])
            curves.append(curve.groupby(part).mean().reindex(range(1, POINTS + 1)))
            steps.append(float(curve.step.iloc[-1]))
            minutes.append(float(job.cpu_time.iloc[0]) / 60)
        for metric, unit, each in (("trained_steps", "1", steps), ("trained_cpu_minutes", "min", minutes)):
            yield record(system, member, "training", metric, unit, over_seeds(each)["value"], n=told.seeds)
        for end in range(1, POINTS + 1):
            setting = f"training, {100 * (end - 1) // POINTS}–{100 * end // POINTS} % of its steps"
            for metric in ("loss", "noise"):
                each = [float(curve[f"train_{metric}"][end]) for curve in curves]
                yield record(system, member, setting, f"{metric}_then", "1", over_seeds(each)["value"], n=told.seeds)


def speed(section: Backbone, device: str, quick: bool) -> Iterator[dict[str, Any]]:
    """Seconds of sampling a backbone by length, with random weights, as a few steps and some more of them tell, and
    those of a step over those of a pass through the network."""
    place = resolve_device(device)
    for member, network in section.members.items():
        model = make_model(network, About(residues=section.residues), 0).to(place).eval()
        steps = model.timesteps
        few, many = (min(n, n * steps // max(TIMED_STEPS)) for n in TIMED_STEPS)
        for length in LENGTHS[:2] if quick else LENGTHS:
            batch = collate([torch.randn(length, 3, 3)] * TIMED, range(TIMED)).to(place)
            with torch.no_grad():
                passes = min(timed(lambda: model(batch, 0.5)) for _ in range(3))  # noqa: B023
            some, more = (min(timed(lambda: draw(model, length, n)) for _ in range(2)) for n in (few, many))  # noqa: B023
            step = (more - some) / (many - few)
            setting = f"{length} residues, {steps} steps, extrapolated from {few} and {many}"
            each = (some + (steps - few) * step) / TIMED
            yield record("speed", member, setting, "seconds_per_chain", "s", each, n=TIMED)
            yield record("speed", member, setting, "over_passes", "1", step / passes, n=TIMED)


def draw(model: BackboneModel, length: int, steps: int) -> list[Any]:
    return sample(model, [length], TIMED, Sample(steps=steps), torch.Generator().manual_seed(0))


def timed(work: Any) -> float:
    begun = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
