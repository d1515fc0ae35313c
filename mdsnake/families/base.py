"""The one interface every family implements.

A family owns its objective and its sampler.  One trainer, one roll-out writer and one evaluator serve all.
"""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Batch

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
    """`auto` is CUDA where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
