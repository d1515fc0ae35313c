"""How a training ends before its end: by its time budget, a signal or a fault; and what it leaves to go on from."""

import contextlib
import io
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback

from mdsnake.store.atomic import replacing
from mdsnake.store.budget import Budget
from mdsnake.store.work import is_whole


class Pace(Callback):
    """The stretch up to a validation is a piece of the time budget."""

    def __init__(self, budget: Budget, folder: Path, max_steps: int) -> None:
        self.budget, self.folder, self.max_steps = budget, folder, max_steps

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.global_step and trainer.is_global_zero:
            print(f"{self.folder}: going on at {100 * trainer.global_step / self.max_steps:.0f} %", flush=True)

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self.budget.begin(self.folder, trainer.global_step / self.max_steps)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.callback_metrics:  # a resumed training ends its last epoch once more
            self.budget.end()


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that are either whole or absent; Lightning copies its own from the folder of temporary files."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        memory = io.BytesIO()  # writing to a full disk itself, torch fails without telling why
        torch.save(checkpoint, memory)
        with replacing(path) as temporary:
            temporary.write_bytes(memory.getbuffer())


def resumable(folder: Path) -> Path | None:
    """The checkpoint in `folder` to go on from, if any; without that of the best validation there is none.

    A damaged one is discarded; the best is as good a start as the last, only further back.
    """
    whole = [path for path in (folder / "last.ckpt", folder / "best.ckpt") if is_whole(path)]
    return whole[0] if folder / "best.ckpt" in whole else None


def leave_signals_to_first_process() -> None:
    """Let the process that started this one answer Ctrl-C and SIGTERM, which reach every process of a job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextlib.contextmanager
def ending_cleanly(trainer: lightning.Trainer) -> Iterator[None]:
    """Keep Lightning from answering SIGTERM, and end the processes it has started when this one leaves early.

    Its answer is a broadcast from within the handler; amid a step of several processes that meets another collective
    operation, and all of them wait for ever.
    """
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]
    try:
        yield
    except BaseException:
        processes: list[Any] = getattr(trainer.strategy.launcher, "procs", [])
        started = processes.copy()
        processes.clear()  # else Lightning, seeing that one of its processes was killed, kills this one, too
        for process in started:
            process.kill()
        raise
