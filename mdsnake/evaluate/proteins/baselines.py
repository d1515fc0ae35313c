"""`mdsnake baselines` of protein backbones: real chains that no model has seen, and chains that are no proteins."""

from pathlib import Path

import numpy as np

from mdsnake.evaluate.config import BackboneBaselineSettings
from mdsnake.evaluate.proteins.chains import write_chains
from mdsnake.evaluate.proteins.drawings import Drawing, plain, shown
from mdsnake.evaluate.proteins.judge import judge
from mdsnake.evaluate.proteins.metrics import ALL, HELD_OUT, MIRRORED, TRAINING, VALID, WALKS
from mdsnake.evaluate.proteins.natives import Chains, cut, load_natives
from mdsnake.evaluate.proteins.scores import compared, geometry, scored
from mdsnake.evaluate.proteins.walks import mirrored, random_walk
from mdsnake.evaluate.records import Score
from mdsnake.seeds import seed_sequence
from mdsnake.store.atomic import write_text

#: Comparisons take long, and so many walks tell what walks are like.
MOST_WALKS = 16


def baselines_proteins(settings: BackboneBaselineSettings, windows: Path, out: Path, curves: Path) -> None:
    """Write a row for each chain to the CSV `out`, and their numbers and what figures draw to the JSON `curves`.

    Training natives are not compared with the training proteins, nor are mirror images.
    """
    known, held_out = load_natives(windows)
    training = cut(known, max(map(len, [*held_out.values(), *([] if held_out else known.values())])))
    sets = {
        HELD_OUT: held_out,
        TRAINING: training,
        MIRRORED: {name: mirrored(one) for name, one in (training | held_out).items()},
        WALKS: walks(settings, training),
    }
    rows, scores, drawn = [], [], {}
    for name, chains in sets.items():
        if chains:
            found, numbers, drawn[name] = _of_set(name, chains, known if name in (HELD_OUT, WALKS) else {}, settings)
            rows += [row._replace(chain=f"{name}: {row.chain}") for row in found]
            scores += numbers
    write_chains(out, rows)
    drawing = Drawing(member="", seed=settings.seed, scores=[tuple(map(plain, s)) for s in scores], sets=drawn)
    write_text(curves, drawing.model_dump_json() + "\n")


def _of_set(name: str, chains: Chains, training: Chains, settings: BackboneBaselineSettings) -> tuple:
    rows = judge(chains, training)
    found, pairwise = geometry(rows), None
    scores: list[Score] = [*scored(name, ALL, settings.seed, found)]
    if training:
        alike, pairwise = compared(chains, rows)
        scores += [score for how in (ALL, VALID) for score in scored(name, how, settings.seed, alike[how])]
    return rows, scores, shown(chains, rows, pairwise)


def walks(settings: BackboneBaselineSettings, training: Chains) -> Chains:
    """Random walks as long as samples are."""
    rng = np.random.default_rng(seed_sequence(settings.seed, "random walks"))
    told = settings.sample.lengths
    lengths = sorted({len(one) for one in training.values()}) if told == "training" else told
    each = -(-min(MOST_WALKS, settings.sample.count * len(lengths)) // len(lengths))
    return {f"L{length}_{i}": random_walk(length, rng) for length in lengths for i in range(each)}
