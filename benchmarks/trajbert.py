"""Trajectory models on the Müller–Brown surface: what they tell, what they generate, and how fast, by seed.

Runs the workflow on the section trajbert of config/config.yaml, changed as told; interrupted, it goes on where it
stopped.  More sizes, modes, heads or seeds in the same folder add to what is there.

    python benchmarks/trajbert.py --out benchmarks/results/trajbert.json
    python benchmarks/trajbert.py --sizes small medium large --modes causal --heads mixture --max-steps 6000 --out FILE
"""

import argparse
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
import yaml
from record import over_seeds, record, write

from mdsnake.evaluate.records import Score, read_records
from mdsnake.evaluate.surface.claims import is_model, published, verdicts
from mdsnake.evaluate.surface.metrics import METRICS
from mdsnake.families.trajbert.config import (
    Head,
    Mode,
    Rollout,
    RolloutSettings,
    Size,
    Trajbert,
    Window,
    WindowSettings,
)
from mdsnake.families.trajbert.generate import generate
from mdsnake.families.trajbert.model import TrajbertModel
from mdsnake.physics.surface import SURFACES
from mdsnake.rollout.surface import simulator_ms
from mdsnake.store.atomic import write_text

ROOT = Path(__file__).parents[1]
#: Frames of a window, over which the speed of generation is followed.
LENGTHS = (32, 64, 128, 256, 512)
TIMED_WALKERS, TIMED_FRAMES = 64, 32
#: Judged against the marks of roll-outs that are to be right; those of a mean alone are shown.
MARKED = {"density_js", "t2_ratio", "mfpt_ratio"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=ROOT / "results/trajbert_benchmark", help="folder of the runs")
    parser.add_argument("--quick", action="store_true", help="toy settings: checks the script, not the models")
    parser.add_argument("--config", type=Path, default=ROOT / "config/config.yaml", help="whose section is changed")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", choices=get_args(Size), default=["small"])
    parser.add_argument("--modes", nargs="+", choices=get_args(Mode), default=["causal", "bidirectional"])
    parser.add_argument("--heads", nargs="+", choices=get_args(Head), default=["mixture", "mse"])
    parser.add_argument("--max-steps", type=int, help="of each training; as configured, if not told")
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--walkers", type=int, default=256, help="of a roll-out")
    parser.add_argument("--frames", type=int, default=4000, help="of each walker")
    parser.add_argument("--train", type=int, help="training walkers")
    parser.add_argument("--cores", default="all")
    told = parser.parse_args()
    told.work = told.work.resolve()
    configured = configuration(told)
    section = Trajbert.model_validate(configured["trajbert"])
    scores = evaluated(configured, told)
    members, seeds = set(section.members), set(section.seeds)
    scores = [s for s in scores if not is_model(s.member) or (s.member in members and s.seed in seeds)]
    records = [*judged(scores), *claimed(scores), *by_length(section, told.quick)]
    write(told.out, records)
    missed = [r for r in records if r["met"] is False]
    print(f"{len(records)} records, {sum(r['met'] is True for r in records)} marks met, {len(missed)} missed")


def configuration(told: argparse.Namespace) -> dict[str, Any]:
    """The configuration with what was told in place of its own."""
    source = ROOT / "tests/workflow/smoke.yaml" if told.quick else told.config
    configured = yaml.safe_load(source.read_text())
    if told.quick:
        configured["molecules"] = str((source.parent / "molecules.tsv").relative_to(ROOT))
    section = configured["trajbert"]
    section |= {"sizes": told.sizes, "modes": told.modes, "heads": told.heads, "seeds": list(range(told.seeds))}
    if not told.quick:
        section["rollout"] |= {"walkers": told.walkers, "frames": told.frames}
        section["reference"] |= {"walkers": told.walkers, "frames": told.frames}
    for key, value in (("max_steps", told.max_steps), ("learning_rate", told.learning_rate)):
        section["train"] |= {key: value} if value else {}
    section["trajectories"] |= {"train": told.train} if told.train else {}
    return configured | {"results": str(told.work)}


def evaluated(configured: dict[str, Any], told: argparse.Namespace) -> list[Score]:
    """All rows of the summary that the workflow makes."""
    file = told.work / "config.yaml"
    write_text(file, yaml.safe_dump(configured))
    summary = told.work / "summary/trajbert.csv"
    command = [sys.executable, "-m", "snakemake", "--cores", told.cores, "--configfile", str(file), "--", str(summary)]
    subprocess.run(command, cwd=ROOT, check=True)
    return read_records(summary, Score)


def judged(scores: list[Score]) -> Iterator[dict[str, Any]]:
    """Means over seeds of every metric, with floor and mark."""
    grouped: dict[tuple[str, str, str, str], list[Score]] = defaultdict(list)
    for score in scores:
        grouped[score.system, score.member, score.how, score.metric].append(score)
    for (system, member, how, metric), group in sorted(grouped.items()):
        mean, floor = over_seeds([s.value for s in group]), over_seeds([s.floor for s in group])["value"]
        mark = METRICS[metric].mark if metric in MARKED and how == "sampled" and is_model(member) else None
        mark = METRICS[metric].mark if metric == "next_mse_ratio" and is_model(member) else mark
        more: dict[str, Any] = {"mark": mark.text, "met": bool(mark.met(mean["value"], floor))} if mark else {}
        if metric == "accuracy" and is_model(member):
            more = {"mark": f"≥ {published(member):g}", "met": bool(mean["value"] >= published(member))}
            short = over_seeds([s.floor - s.value for s in group])
            yield record(system, member, how, "below_bayes_limit", "1", **short)
        yield record(system, member, how, metric, METRICS[metric].unit, **mean, floor=floor, **more)


def claimed(scores: list[Score]) -> Iterator[dict[str, Any]]:
    """Whether each claim of the source is reproduced, 1 or 0, by the share of seeds in which its criterion is met."""
    for v in verdicts(scores):
        setting = f"{v.claim.text} {v.claim.metric} {v.claim.criterion(v.member)}"
        yield record(v.system, v.member, setting, "reproduced", "1", v.held / v.n, n=v.n)


def by_length(section: Trajbert, quick: bool) -> Iterator[dict[str, Any]]:
    """Frames by the second of models from random weights against the length of the window, and of the simulator."""
    name, system = next(iter(section.systems.items()))
    x = SURFACES[system.surface].A + 0.05 * np.random.default_rng(0).standard_normal((TIMED_WALKERS, 2))
    for length in LENGTHS[:2] if quick else LENGTHS:
        for size in section.sizes:
            for mode in section.modes:
                slides = {"sliding": 1} | ({"kept": length} if mode == "causal" else {})
                for kind, slide in slides.items():
                    about = WindowSettings(
                        name=name, system=system, window=Window(length=min(1024, length + slide - 1))
                    )
                    model = TrajbertModel(section.network(f"{size}-{mode}-mixture"), about).eval()
                    prompt = torch.tensor(np.repeat(x[:, None], length, axis=1), dtype=torch.float32)
                    begun = time.perf_counter()
                    generate(model, prompt, TIMED_FRAMES, "sampled", torch.Generator().manual_seed(0), slide)
                    rate = TIMED_WALKERS * TIMED_FRAMES / (time.perf_counter() - begun)
                    setting = f"window of {length}, {kind}"
                    yield record(name, f"{size}-{mode}", setting, "frames_per_second", "1/s", rate, n=TIMED_FRAMES)
    rollout = Rollout(walkers=TIMED_WALKERS, frames=TIMED_FRAMES)
    told = RolloutSettings(name=name, system=system, member="simulation", how="sampled", rollout=rollout, seed=0)
    rate = 1e3 * TIMED_WALKERS * TIMED_FRAMES / simulator_ms(told, x)
    yield record(name, "simulation", "no window", "frames_per_second", "1/s", rate, n=TIMED_FRAMES)


if __name__ == "__main__":
    main()
