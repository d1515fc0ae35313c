"""`mdsnake evaluate` of a model of protein backbones: its samples, what it tells in one step, and how it learned."""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from mdsnake.evaluate.config import BackboneSettings
from mdsnake.evaluate.cost import read_history
from mdsnake.evaluate.metrics import Mean
from mdsnake.evaluate.proteins.chains import write_chains
from mdsnake.evaluate.proteins.denoising import Denoised, denoise, literal, loss_by_t, noise_loss
from mdsnake.evaluate.proteins.drawings import Curve, Drawing, plain, shown
from mdsnake.evaluate.proteins.judge import judge
from mdsnake.evaluate.proteins.metrics import ALL, VALID
from mdsnake.evaluate.proteins.natives import cut, load_natives
from mdsnake.evaluate.proteins.scores import compared, covered, geometry, scored
from mdsnake.families.backbone.config import About
from mdsnake.families.backbone.data import collate, load_crops
from mdsnake.families.backbone.model import BackboneModel
from mdsnake.families.backbone.task import load_model
from mdsnake.families.base import resolve_device
from mdsnake.seeds import integer_seed
from mdsnake.store.atomic import write_text
from mdsnake.store.samples import Samples
from mdsnake.store.windows import Windows

TRAINING, HELD_OUT = "training", "held-out"
#: Part of the training at its end over which losses are averaged.
END = 0.1
#: Chains of each side of which denoising is measured.
MOST_DENOISED = 32


def evaluate_proteins(
    settings: BackboneSettings,
    windows: Path,
    model: Path,
    samples: Path,
    history: Path,
    out: Path,
    curves: Path,
    device: str = "auto",
) -> None:
    """Write a row for each sample to the CSV `out`, and all numbers and what figures draw to the JSON `curves`.

    The floor of a number of geometry is that of the natives.
    """
    known, held_out = load_natives(windows)
    drawn = Samples.load(samples)
    coords = drawn.chains
    network, _ = load_model(model, settings.network)
    natives = geometry(judge(cut(known, network.about.residues.max) | held_out))
    rows = judge(coords, known)
    alike, pairwise = compared(coords, rows)
    told = denoising(network.to(resolve_device(device)), windows, settings.seed)
    numbers: list[tuple[str, dict[str, Mean]]] = [(ALL, geometry(rows)), (ALL, alike[ALL]), (VALID, alike[VALID])]
    numbers.append((ALL, covered(rows, len(known))))
    for how, steps in told.items():
        numbers.append((how, literal(steps)))
        numbers += [(f"{how}, {part}", found) for part, found in loss_by_t(steps).items()]
        if settings.network.kind == "cartesian":  # the source's noise is that of coordinates
            numbers.append((how, noise_loss(steps)))
    numbers.append((TRAINING, ends(history)))
    numbers += [(f"{length} residues", {"seconds_per_chain": mean}) for length, mean in drawn.seconds.items()]
    scores = [score for how, found in numbers for score in scored(settings.member, how, settings.seed, found, natives)]
    write_chains(out, rows)
    drawing = Drawing(
        member=settings.member,
        seed=settings.seed,
        scores=[tuple(map(plain, score)) for score in scores],
        sets={settings.member: shown(coords, rows, pairwise)},
        denoising={how: curve(steps) for how, steps in told.items()},
    )
    write_text(curves, drawing.model_dump_json() + "\n")


def denoising(model: BackboneModel, windows: Path, seed: int) -> dict[str, list[Denoised]]:
    """Of training and held-out chains, one window each."""
    index, place = Windows.load(windows), next(model.parameters()).device
    about = About.model_validate(index.about)
    found = {}
    for how, splits in ((TRAINING, ("train",)), (HELD_OUT, ("validation", "test"))):
        groups = [
            dataclasses.replace(group, starts=[group.starts[len(group.starts) // 2]])
            for split in splits
            for group in index.of(split)
            if group.starts
        ][:MOST_DENOISED]
        crops = load_crops(groups, about)
        batches = [collate([crop], [i]).to(place) for i, crop in enumerate(crops)]
        if batches:
            noise = torch.Generator().manual_seed(integer_seed(seed, f"denoising/{how}"))
            found[how] = denoise(model, batches, noise)
    return found


def ends(history: Path) -> dict[str, Mean]:
    """Mean and standard deviation of the training losses over the last tenth of the steps; no spread of one alone."""
    columns = read_history(history)
    last = columns["step"] > (1 - END) * columns["step"].max()
    found: dict[str, Mean] = {}
    for column, name in (("train_loss", "loss_end"), ("train_noise", "noise_end")):
        if column in columns:
            values = columns[column][last]
            spread = float(values.std()) if len(values) > 1 else np.nan
            found |= {name: (float(values.mean()), len(values)), f"{name}_spread": (spread, len(values))}
    return found


def curve(steps: list[Denoised]) -> Curve:
    rmsd, loss = (np.array([getattr(step, name) for step in steps]) for name in ("rmsd_angstrom", "loss"))
    return Curve(
        share=[step.share for step in steps],
        rmsd=[plain(float(value)) for value in rmsd.mean(1)],
        rmsd_spread=[plain(float(value)) for value in rmsd.std(1)],
        loss=[plain(float(value)) for value in loss.mean(1)],
        loss_spread=[plain(float(value)) for value in loss.std(1)],
    )
