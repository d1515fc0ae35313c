"""One LightningModule that wraps any family."""

import math
from typing import Any

import lightning
import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, Dataset
from torch_geometric.data import Batch

from mdsnake.config import Training
from mdsnake.families.base import Batches, Family
from mdsnake.train.muon import Muon


class Module(lightning.LightningModule):
    """Loss, optimiser and schedule: linear warm-up, cosine to a fraction of the peak."""

    def __init__(self, model: Family, training: Training, seed: int) -> None:
        super().__init__()
        self.model, self.training_settings = model, training
        self.noise = torch.Generator()
        self.seed = seed

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        self.noise.manual_seed(_seed(self.seed, self.current_epoch, index, self.global_rank))
        return self._log_parts(batch, "train")

    def validation_step(self, batch: Batch, index: int) -> torch.Tensor:
        self.noise.manual_seed(_seed(self.seed, 0, index, 0))
        return self._log_parts(batch, "val")

    def _log_parts(self, batch: Batch, stage: str) -> torch.Tensor:
        parts = self.model.loss(batch, self.noise)
        names = {f"{stage}_{name}": value.detach() for name, value in parts.items()}
        self.log_dict(names, on_step=False, on_epoch=True, batch_size=batch.num_graphs, sync_dist=stage == "val")
        return parts["loss"]

    def configure_optimizers(self) -> dict[str, Any]:  # type: ignore[override]
        settings = self.training_settings
        rate, decay = settings.learning_rate, settings.weight_decay
        optimizer: torch.optim.Optimizer
        if settings.optimizer == "muon":
            optimizer = Muon(self.model, rate, decay)
        else:
            trained = [p for p in self.model.parameters() if p.requires_grad]
            # Mixed precision cannot clip the gradients of a fused optimiser.
            optimizer = torch.optim.AdamW(trained, rate, weight_decay=decay, fused=settings.precision == "32")
        scheduler = LambdaLR(optimizer, lambda step: learning_rate_factor(step, settings))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def learning_rate_factor(step: int, settings: Training) -> float:
    """The learning rate of an optimiser step as a fraction of its peak."""
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    progress = min(1.0, (step - settings.warmup_steps) / max(1, settings.max_steps - settings.warmup_steps))
    low = settings.final_learning_rate
    return low + (1 - low) * 0.5 * (1 + math.cos(math.pi * progress))


class Epoch(Dataset):
    """`length` batches, the same for the same seed, epoch and rank: a resumed training sees what it would have.

    `progress` is the share of the training done before, and at its end.
    """

    def __init__(
        self, batches: Batches, seed: int, epoch: int, rank: int, length: int, progress: tuple[float, float] = (0, 1)
    ) -> None:
        self.batches, self.key, self.length, self.progress = batches, (seed, epoch, rank), length, progress

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Batch:
        if index >= self.length:
            raise IndexError(index)
        begin, end = self.progress
        progress = begin + (end - begin) * index / self.length
        return self.batches.train_batch(np.random.default_rng([*self.key, index]), progress)


class Data(lightning.LightningDataModule):
    """Batches as loaders; an epoch is the stretch between two validations."""

    def __init__(self, batches: Batches, training: Training, seed: int) -> None:
        super().__init__()
        self.batches, self.training, self.seed = batches, training, seed

    def train_dataloader(self) -> DataLoader:
        assert self.trainer is not None
        done, most = self.trainer.global_step, self.training.max_steps
        steps = min(self.training.validate_every, max(1, most - done))
        length, progress = steps * self.training.accumulate_batches, (done / most, (done + steps) / most)
        key = self.seed, self.trainer.current_epoch, self.trainer.global_rank
        return DataLoader(Epoch(self.batches, *key, length, progress), batch_size=None)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.batches.validation_batches(), batch_size=None)  # type: ignore[arg-type]


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
