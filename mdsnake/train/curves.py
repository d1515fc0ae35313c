"""What a training tells of itself: a line a validation, and `history.csv`."""

import logging
import time
import warnings
from pathlib import Path
from typing import Any

import lightning
import pandas as pd
from lightning.pytorch.callbacks import Callback

from mdsnake.store.atomic import replacing


class Curves(Callback):
    """Losses by step; kept in the checkpoint, so that a resumed training has whole curves."""

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps
        self.rows: list[dict[str, float]] = []
        self.seconds = 0.0
        self._start = 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not trainer.callback_metrics:  # a resumed training ends its last epoch once more
            return
        self.seconds += time.perf_counter() - self._start
        metrics = {name: float(value) for name, value in sorted(trainer.callback_metrics.items())}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.rows.append({"step": trainer.global_step, "seconds": self.seconds, "lr": rate, **metrics})
        if trainer.is_global_zero:
            val = f", validation {metrics['val_loss']:.4f}" if "val_loss" in metrics else ""
            share = 100 * trainer.global_step / self.max_steps
            print(
                f"step {trainer.global_step} ({share:.0f} %): loss {metrics['train_loss']:.4f}{val}, "
                f"{self.seconds:.0f} s",
                flush=True,
            )

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self.seconds = state_dict["rows"], state_dict["seconds"]

    def write(self, path: Path, data_seconds: float) -> None:
        """One row a validation: step, seconds of training and of making the data, lr, every part of the loss."""
        with replacing(path) as temporary:
            pd.DataFrame(self.rows).assign(data_seconds=data_seconds).to_csv(temporary, index=False)


def quiet() -> None:
    """Keep Lightning's advice out of the logs; errors stay."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
