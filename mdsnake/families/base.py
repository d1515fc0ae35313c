"""The one interface every family implements.

A family owns its objective and its sampler.  One trainer, one roll-out writer and one evaluator serve all.
"""

import dataclasses
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Batch

from mdsnake.config import Training
from mdsnake.errors import UserError

Symmetry = Literal["E3", "SE3", "none"]


class Family(nn.Module, ABC):
    """A learned propagator or generator.

    Attributes
    ----------
    symmetry : the group under which outputs turn with the inputs; the conformance suite tests it
    """

    symmetry: ClassVar[Symmetry]

    @abstractmethod
    def loss(self, batch: Batch, generator: Generator) -> dict[str, Tensor]:
        """Scalar terms of the objective; `loss` is the one to minimise, the others are its named parts."""

    @abstractmethod
    def sample(self, context: Batch, generator: Generator, **options: Any) -> dict[str, Tensor]:
        """Draw from the model, given `context`: named tensors with one row for each node of `context`."""


def n_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def resolve_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; CUDA where there is none is a `UserError`."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: torch sees no CUDA device on this machine; set device: auto or cpu")
    return torch.device(name)


class Batches(Protocol):
    """What the trainer draws from."""

    def train_batch(self, rng: np.random.Generator, progress: float) -> Batch:
        """A random batch for when so much of the training is done, from 0 to 1; the same `rng` gives the same batch."""
        ...

    def validation_batches(self) -> list[Batch]:
        """The same batches each time; empty where nothing is held out."""
        ...


@dataclasses.dataclass
class Task:
    """A training as a family hands it to the trainer.

    Attributes
    ----------
    header : what the model file must tell besides its weights
    data_seconds : what the simulations behind the training data took
    keep : the weights of the best validation, a training that gets no better being stopped; or those of the last step
    """

    model: Family
    batches: Batches
    training: Training
    seed: int
    header: dict[str, Any]
    data_seconds: float
    keep: Literal["best", "last"] = "best"
