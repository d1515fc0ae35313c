"""A family with three weights, so that the trainer is tested and nothing else."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Batch, Data

from mdsnake.config import Training
from mdsnake.families.base import Family, Symmetry, Task

TRUTH = torch.tensor([1.0, -2.0, 0.5])


class Line(Family):
    """y = w·x, learned from x and a y with noise of the trainer's generator; one part of two is frozen."""

    symmetry: ClassVar[Symmetry] = "none"

    def __init__(self, disturb: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.weight, self.held = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.ones(1), requires_grad=False)
        self.disturb = disturb

    def loss(self, batch: Batch, generator: Generator) -> dict[str, Tensor]:
        if self.training:
            self.disturb()
        noise = 0.01 * torch.randn(len(batch.y), generator=generator)
        error = (batch.x @ self.weight * self.held + noise - batch.y).square().mean()
        return {"loss": error, "error": error.sqrt()}

    def sample(self, context: Batch, generator: Generator, **options: Any) -> dict[str, Tensor]:
        return {"y": context.x @ self.weight}


class Points:
    """Batches of random points on the line."""

    def __init__(self, batch_size: int, validated: bool = True) -> None:
        self.batch_size, self.validated = batch_size, validated

    def train_batch(self, rng: np.random.Generator, progress: float = 0.0) -> Batch:
        x = torch.tensor(rng.standard_normal((self.batch_size, 3)), dtype=torch.float32)
        ptr = torch.arange(self.batch_size + 1)
        return Batch(_base_cls=Data, x=x, y=x @ TRUTH, batch=ptr[:-1], ptr=ptr)

    def validation_batches(self) -> list[Batch]:
        return [self.train_batch(np.random.default_rng(seed)) for seed in (100, 101)] if self.validated else []


def line_task(
    disturb: Callable[[], object] = lambda: None, seed: int = 0, validated: bool = True, **training: Any
) -> Task:
    told = {"batch_size": 8, "max_steps": 30, "validate_every": 10, "warmup_steps": 5, "learning_rate": 0.1}
    settings = Training.model_validate(told | {"ema_decay": 0.8} | training)
    return Task(Line(disturb), Points(settings.batch_size, validated), settings, seed, {"family": "line"}, 2.5)
