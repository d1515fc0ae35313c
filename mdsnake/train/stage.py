"""One trainer for every family: EMA, clipping, accumulation, mixed precision, early stop, resume, several devices."""

import math
import signal
from importlib import import_module
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.utilities import rank_zero_only
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mdsnake.config import VERSIONS
from mdsnake.errors import UserError
from mdsnake.families.base import Task, n_parameters, resolve_device
from mdsnake.store.budget import Budget
from mdsnake.store.checkpoint import save_model
from mdsnake.store.h5md import provenance
from mdsnake.store.work import fingerprint, work_folder
from mdsnake.train.curves import Curves, quiet
from mdsnake.train.interruption import Pace, WholeCheckpoints, ending_cleanly, leave_signals_to_first_process, resumable
from mdsnake.train.module import Data, Module


def train(
    windows: Path,
    settings: Any,
    init: Path | None,
    out: Path,
    history: Path,
    work: Path,
    device: str = "auto",
    budget: Budget | None = None,
) -> None:
    """Train what `settings.family` makes of `windows`; write its weights and the curves.

    An interrupted training goes on from its last validation.  On several devices this runs once for each; the
    first process starts the others, and alone holds the scratch folder and writes.
    """
    room = import_module(f"mdsnake.families.{settings.family}.task")
    task: Task = room.open_task(windows, settings, init)
    if getattr(rank_zero_only, "rank", 0):
        leave_signals_to_first_process()
        fit(task, work, device)
        return
    files = [windows, *room.files_of(windows), *([init] if init else [])]
    key = fingerprint(VERSIONS["train"], settings.model_dump(mode="json"), *files)
    with work_folder(work, key) as folder:
        parameters = n_parameters(task.model)
        print(f"{parameters} parameters, {task.training.max_steps} steps of {task.training.batch_size}", flush=True)
        curves = fit(task, folder, device, budget)
        curves.write(history, task.data_seconds)
        save_model(out, task.model, provenance(**task.header, parameters=parameters, train_seconds=curves.seconds))


def fit(task: Task, folder: Path, device: str = "auto", budget: Budget | None = None) -> Curves:
    """Train `task.model` in place to the weights that `task.keep` names; return the curves.

    `folder` keeps `last.ckpt`, which an interrupted training goes on from, and `best.ckpt`.
    """
    quiet()
    settings, start = task.training, resumable(folder)
    curves = Curves(settings.max_steps)
    validated = bool(task.batches.validation_batches())
    watched = "val_loss" if validated else "train_loss"
    best = ModelCheckpoint(folder, "best", watched, enable_version_counter=False, save_on_train_epoch_end=True)
    checkpoint = ModelCheckpoint(folder, "last", enable_version_counter=False, save_on_train_epoch_end=True)
    stop = EarlyStopping(watched, patience=settings.patience, check_on_train_epoch_end=True, strict=False)
    pace = Pace(budget or Budget(), folder, settings.max_steps)
    callbacks: list[Callback] = [pace, curves, *([stop] if task.keep == "best" else []), best, checkpoint]
    if settings.ema_decay:
        # Buffers hold integers, which an average would spoil; the foreach form leaves equal weights as they are.
        average = WeightAveraging(use_buffers=False, multi_avg_fn=get_ema_multi_avg_fn(settings.ema_decay))
        callbacks.insert(0, average)
    trainer = lightning.Trainer(
        accelerator="gpu" if resolve_device(device).type == "cuda" else "cpu",
        devices=settings.devices,
        strategy="ddp" if settings.devices > 1 else "auto",
        # A batch system's own variables describe the job, not this training.
        plugins=[LightningEnvironment(), WholeCheckpoints()],
        precision=settings.precision,
        max_steps=settings.max_steps,
        gradient_clip_val=settings.gradient_clip,
        accumulate_grad_batches=settings.accumulate_batches,
        reload_dataloaders_every_n_epochs=1,
        limit_val_batches=1.0 if validated else 0,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        logger=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        use_distributed_sampler=False,
    )
    module = Module(task.model, settings, task.seed)
    data = Data(task.batches, settings, task.seed)
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        with ending_cleanly(trainer):
            trainer.fit(module, datamodule=data, ckpt_path=start, weights_only=True)
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise UserError("training: the device is out of memory; lower batch_size") from error
        raise
    except SystemExit as leaving:  # so Lightning answers Ctrl-C, and ignores the next
        if not isinstance(leaving.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from None
    if not math.isfinite(trainer.callback_metrics.get(watched, 0.0)):
        raise UserError(f"training: {watched} is not finite at step {trainer.global_step}; lower learning_rate")
    if trainer.is_global_zero:  # checkpoints hold the average
        kept = torch.load(folder / f"{task.keep}.ckpt", map_location="cpu", weights_only=True)
        module.load_state_dict(kept["state_dict"])
    return curves
