"""What a network is told besides the structure."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch_geometric.data import Batch

from mdsnake.nn.diffusion import features
from mdsnake.nn.mlp import mlp


class Context(nn.Module):
    """The noise level and length of each sample, and where in it each residue stands.

    Parameters
    ----------
    timesteps : steps of noise that the model has, whatever their number being told as a share of a thousand
    """

    def __init__(self, width: int, timesteps: int) -> None:
        super().__init__()
        self.width, self.timesteps = width, timesteps
        self.place, self.length = nn.Linear(width, width), nn.Linear(width, width)
        self.time = mlp(width, width, width)

    def forward(
        self, t: Int[Tensor, " samples"], batch: Batch
    ) -> tuple[Float[Tensor, "samples width"], Float[Tensor, "n width"]]:
        """A condition for each sample, and features of each residue."""
        level, length, place = (
            features(value.to(torch.float32), self.width)
            for value in (1000 * t / self.timesteps, batch.ptr.diff(), batch.index)
        )
        return self.time(level) + self.length(length), self.place(place)
