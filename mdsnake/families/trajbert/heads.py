"""What is read from the encodings: the next frame, and the basin entered next.

The next frame is told as the displacement from the present one, in units of its root mean square over the training
data: as a point (`mse`) or as a density (`mixture`).
"""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from mdsnake.families.trajbert.config import How, Network
from mdsnake.families.trajbert.density import density, outputs


def projection(width: int, size: int) -> nn.Sequential:
    """The head of the original: Linear, LayerNorm, Linear."""
    return nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width), nn.Linear(width, size))


def next_frame_outputs(network: Network) -> int:
    """How many numbers tell the displacement."""
    return 2 if network.head == "mse" else outputs(network.components, network.covariance)


def next_frame_loss(
    network: Network, raw: Float[Tensor, "*any numbers"], target: Float[Tensor, "*any 2"]
) -> Float[Tensor, "*any"]:
    """Squared distance from the displacement `target`, or −log of its density."""
    if network.head == "mse":
        return (raw.to(target) - target).square().sum(-1)
    return -density(raw.to(target), network.components, network.covariance).log_density(target)


def displacement(
    network: Network, raw: Float[Tensor, "*any numbers"], how: How, generator: Generator
) -> Float[Tensor, "*any 2"]:
    """The mean displacement, or one drawn."""
    if network.head == "mse":
        return raw
    told = density(raw, network.components, network.covariance)
    return told.draw(generator) if how == "sampled" else told.mean()


def state_loss(logits: Float[Tensor, "*any 2"], state: Int[Tensor, "*any"]) -> Float[Tensor, ""]:
    """Cross-entropy of the frames that have a state, 0 where none has."""
    told = state >= 0
    surprise = -logits.log_softmax(-1).gather(-1, state.clamp(min=0)[..., None])[..., 0]
    return torch.where(told, surprise, 0.0).sum() / told.sum().clamp(min=1)
