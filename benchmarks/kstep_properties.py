"""What holds of the networks whatever they have learned: symmetry, momentum, capacity."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from record import record

from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.config import Augmentation, Jump, LossWeights
from mdsnake.families.kstep.data import NO_AUGMENTATION, MoleculeWindows, WindowBatches, load_windows
from mdsnake.families.kstep.model import KstepModel
from mdsnake.families.kstep.task import load_model
from mdsnake.nn.rotations import random_rotations
from mdsnake.nn.segments import segment_sum
from mdsnake.store.checkpoint import read_model
from mdsnake.store.windows import Windows

OVERFIT_STEPS = 300


def properties(folder: Path, quick: bool = False) -> list[dict[str, Any]]:
    """Records of every trained model of the workflow in `folder`."""
    records = []
    for path in sorted(folder.glob("kstep/train/*/k*/*/model.safetensors")):
        header, _ = read_model(path)
        jump = Jump(**header["jump"])
        group = Windows.load(folder / f"kstep/window/{jump.engine}/k{jump.k}.json").of("test")[0]
        windows = load_windows(group, jump)
        model = load_model(path, jump)
        setting = f"{jump.engine}, {jump.lag_ps * 1e3:g} fs"
        turned, momentum = symmetry_errors(model, windows)
        ratio = overfit(model, windows, 30 if quick else OVERFIT_STEPS)
        for metric, unit, value, mark, met in [
            ("equivariance_error", "1", turned, "≤ 1e-5", turned <= 1e-5),
            ("momentum_change", "1", momentum, "≤ 1e-6", momentum <= 1e-6),
            ("one_batch_loss_ratio", "1", ratio, "≤ 0.1", ratio <= 0.1),
        ]:
            records.append(
                record(windows.name, header["member"], setting, metric, unit, value, n=64, mark=mark, met=bool(met))
            )
    return records


def symmetry_errors(model: KstepModel, windows: MoleculeWindows) -> tuple[float, float]:
    """Largest relative errors in single precision over 64 windows, under rotation and reflection, and of momentum."""
    generator = torch.Generator().manual_seed(0)
    molecule, arrays = windows.select(torch.arange(min(64, len(windows))), model.jump, NO_AUGMENTATION, generator)
    turn = random_rotations(1, generator)[0] * -1  # with a reflection
    batch = collate([(molecule, arrays)])
    turned = collate([(molecule, {name: array @ turn.T for name, array in arrays.items()})])
    with torch.no_grad():
        plain, rotated = model(batch), model(turned)
    error = max(
        float((plain[name] @ turn.T - rotated[name]).abs().max() / plain[name].abs().max())
        for name in ("displacement", "velocity_change")
    )
    mass, size = batch.masses[:, None], len(batch.ptr) - 1
    change = segment_sum(mass * plain["velocity_change"], batch.batch, size).norm(dim=-1)
    total = segment_sum((mass * batch.velocities).norm(dim=-1), batch.batch, size)
    return error, float((change / total).max())


def overfit(model: KstepModel, windows: MoleculeWindows, steps: int) -> float:
    """Loss on one batch of 16 windows after training on it alone from random weights, over the loss before."""
    torch.manual_seed(0)
    fresh = KstepModel(model.network, model.jump, LossWeights())
    batch = WindowBatches([windows], [], model.jump, Augmentation(), 16).train_batch(np.random.default_rng(0))
    optimizer = torch.optim.Adam(fresh.parameters(), lr=3e-3)
    losses = []
    for _ in range(steps):
        loss = fresh.loss(batch, torch.Generator())["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(fresh.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return min(losses[-20:]) / losses[0]
