"""Trajectory models on the Müller–Brown surface: what they tell, what they generate, and how fast, by seed.

Runs the workflow on config/config.yaml, its section trajbert changed as `PARTS` tell; interrupted, it goes on where it
stopped.  Parts may be run one by one: the records of the others stay in the file.

    python benchmarks/trajbert.py --out benchmarks/results/trajbert.json
    python benchmarks/trajbert.py --parts medium-generation speed --out FILE
"""

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
import yaml
from record import identity, over_seeds, record, write
from runs import ROOT, summarized

from mdsnake.evaluate.records import Score
from mdsnake.evaluate.surface.claims import PUBLISHED, is_model, published, verdicts
from mdsnake.evaluate.surface.metrics import METRICS
from mdsnake.families.trajbert.config import Mode, Rollout, RolloutSettings, Size, Trajbert, Window, WindowSettings
from mdsnake.families.trajbert.generate import generate
from mdsnake.families.trajbert.model import TrajbertModel
from mdsnake.physics.surface import SURFACES
from mdsnake.rollout.surface import simulator_ms

#: What the original does: the first window of each trajectory, seen whole, and the mean of the next frame.
ORIGINAL: dict[str, Any] = {
    "modes": ["bidirectional"],
    "heads": ["mse"],
    "window": {"length": 128, "stride": 64, "first_only": True},
}


def kinetics(walkers: int) -> dict[str, Any]:
    """Short windows of many short trajectories, and a density; as many walkers as time allows, as crossings are few."""
    return {
        "modes": ["causal"],
        "heads": ["mixture"],
        "mixture": {"components": 8},
        "trajectories": {
            "train": {"walkers": 16384, "frames": 129},
            "validation": {"walkers": 256, "frames": 129},
            "test": {"walkers": 64, "frames": 1025},
            "reference": {"walkers": walkers, "frames": 1000},
        },
        "window": {"length": 32, "stride": 16},
        "rollout": {"walkers": walkers, "frames": 1000, "prompt": 17, "slide": 16},
    }


#: What is changed of the section trajbert, and how much is trained.
PARTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "small": (ORIGINAL, {"max_steps": 4000}),
    "medium": (ORIGINAL, {"max_steps": 500, "learning_rate": 1e-3}),
    "large": (ORIGINAL, {"max_steps": 500, "learning_rate": 5e-4}),
    "small-generation": (kinetics(1024), {"max_steps": 24000, "validate_every": 1000, "ema_decay": 0.998}),
    "medium-generation": (
        kinetics(512),
        {"max_steps": 20000, "validate_every": 1000, "batch_size": 16, "learning_rate": 1e-3, "ema_decay": 0.998},
    ),
    "speed": ({}, {}),
}  # fmt: skip
#: A bidirectional model computes everything anew for each frame: it generates little.
FEW = {"walkers": 32, "frames": 200}
#: The part whose baselines are all fitted; others have the one that claims are set beside.
BASELINES, CONTROL = "small", "nearest-basin"
#: Frames of a window, over which the speed of generation is followed; what is kept of one window is timed to its end.
LENGTHS = (32, 64, 128, 256, 512)
TIMED_WALKERS, TIMED_FRAMES = 64, 8
#: Judged against the marks of roll-outs that are to be right; those of a mean alone are shown.
MARKED = {"density_js", "t2_ratio", "mfpt_ratio"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=ROOT / "results/trajbert_benchmark", help="folder of the runs")
    parser.add_argument("--quick", action="store_true", help="toy settings: checks the script, not the models")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cores", default="all")
    told = parser.parse_args()
    told.work = told.work.resolve()
    write(told.out, [one for part in told.parts for one in measured(part, told)], identity)


def measured(part: str, told: argparse.Namespace) -> list[dict[str, Any]]:
    """The records of a part."""
    if part == "speed":
        section = Trajbert.model_validate(configuration("small", told)["trajbert"])
        return list(by_length(section, told.quick))
    configured = configuration(part, told)
    section = Trajbert.model_validate(configured["trajbert"])
    scores = summarized(told.work / part, configured, "summary/trajbert.csv", told.cores)
    members, seeds = set(section.members), set(section.seeds)
    wanted = [s for s in scores if not is_model(s.member) or (s.member in members and s.seed in seeds)]
    reported = [s for s in wanted if is_model(s.member) or part == BASELINES]
    return [*judged(reported), *claimed(wanted)]


def configuration(part: str, told: argparse.Namespace) -> dict[str, Any]:
    """The configuration of a part."""
    source = ROOT / ("tests/workflow/smoke.yaml" if told.quick else "config/config.yaml")
    configured = yaml.safe_load(source.read_text())
    del configured["backbone"]
    section, (changes, train) = configured["trajbert"], PARTS[part]
    if told.quick:
        configured["molecules"] = str((source.parent / "molecules.tsv").relative_to(ROOT))
        changes = {name: changes[name] for name in ("modes", "heads")}
    else:
        section["train"] |= train
        if "rollout" not in changes:
            section["rollout"] |= FEW
    section |= changes
    section |= {"sizes": [part.split("-")[0]], "seeds": list(range(told.seeds))}
    section |= {} if part == BASELINES else {"baselines": [CONTROL]}
    return configured | {"results": str(told.work / part)}


def judged(scores: list[Score]) -> Iterator[dict[str, Any]]:
    """Means over seeds of every metric, with floor and mark."""
    grouped: dict[tuple[str, str, str, str], list[Score]] = defaultdict(list)
    for score in scores:
        grouped[score.system, score.member, score.how, score.metric].append(score)
    for (system, member, how, metric), group in sorted(grouped.items()):
        mean, floor = over_seeds([s.value for s in group]), over_seeds([s.floor for s in group])["value"]
        mark = METRICS[metric].mark if metric in MARKED and how == "sampled" and is_model(member) else None
        mark = METRICS[metric].mark if metric == "next_mse_ratio" and is_model(member) else mark
        whole = all(math.isfinite(s.value) for s in group)
        more: dict[str, Any] = (
            {"mark": mark.text, "met": whole and bool(mark.met(mean["value"], floor))} if mark else {}
        )
        if is_model(member) and metric in PUBLISHED[member.split("-")[0]]:
            least = published(member, metric)
            more = {"mark": f"≥ {least:g}", "met": bool(mean["value"] >= least)}
        if is_model(member) and metric == "accuracy":
            short = over_seeds([s.floor - s.value for s in group])
            yield record(system, member, how, "below_bayes_limit", "1", **short)
        yield record(system, member, how, metric, METRICS[metric].unit, **mean, floor=floor, **more)


def claimed(scores: list[Score]) -> Iterator[dict[str, Any]]:
    """Whether each claim of the source is reproduced, 1 or 0, by the share of seeds in which its criterion is met."""
    for v in verdicts(scores):
        setting = f"{v.claim.text} {v.claim.metric} {v.claim.criterion(v.member)}"
        setting += f"; met by {v.control}" if v.control else ""
        yield record(v.system, v.member, setting, "reproduced", "1", v.held / v.n, n=v.n)


def by_length(section: Trajbert, quick: bool) -> Iterator[dict[str, Any]]:
    """Frames by the second of models from random weights against the length of the window, and of the simulator."""
    name, system = next(iter(section.systems.items()))
    x = SURFACES[system.surface].A + 0.05 * np.random.default_rng(0).standard_normal((TIMED_WALKERS, 2))
    for length in LENGTHS[:2] if quick else LENGTHS:
        for size in get_args(Size):
            for mode in get_args(Mode):
                slides = {"sliding": 1} | ({"kept": length} if mode == "causal" else {})
                for kind, slide in slides.items():
                    about = WindowSettings(
                        name=name, system=system, window=Window(length=min(1024, length + slide - 1))
                    )
                    model = TrajbertModel(section.network(f"{size}-{mode}-mixture"), about).eval()
                    prompt = torch.tensor(np.repeat(x[:, None], length, axis=1), dtype=torch.float32)
                    frames, begun = max(TIMED_FRAMES, slide), time.perf_counter()
                    generate(model, prompt, frames, "sampled", torch.Generator().manual_seed(0), slide)
                    rate = TIMED_WALKERS * frames / (time.perf_counter() - begun)
                    setting = f"window of {length}, {kind}"
                    yield record(name, f"{size}-{mode}", setting, "frames_per_second", "1/s", rate, n=frames)
    rollout = Rollout(walkers=TIMED_WALKERS, frames=TIMED_FRAMES)
    told = RolloutSettings(name=name, system=system, member="simulation", how="sampled", rollout=rollout, seed=0)
    rate = 1e3 * TIMED_WALKERS * TIMED_FRAMES / simulator_ms(told, x)
    yield record(name, "simulation", "no window", "frames_per_second", "1/s", rate, n=TIMED_FRAMES)


if __name__ == "__main__":
    main()
