"""Random numbers that belong to a sample, whatever batch it is in and wherever in it."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor
from torch_geometric.data import Batch

#: The share of a chain that a part is which the network is told.
SHORTEST, LONGEST = 0.05, 0.3


class Draws:
    """A stream for each sample, from its own `seed` in the batch and the state of `generator`."""

    def __init__(self, batch: Batch, generator: Generator) -> None:
        salt = int(torch.randint(2**31, (1,), generator=generator))
        self.lengths: list[int] = batch.ptr.diff().tolist()
        self.device = batch.ptr.device
        self.generators = [Generator().manual_seed(_mixed(salt, seed)) for seed in batch.seed.tolist()]

    def normal(self, *columns: int) -> Float[Tensor, " n *columns"]:
        """Standard normal numbers, a row for each residue."""
        parts = [torch.randn(n, *columns, generator=g) for n, g in zip(self.lengths, self.generators, strict=True)]
        return torch.cat(parts).to(self.device)

    def uniform(self) -> Float[Tensor, " samples"]:
        """A number from 0 to 1 for each sample."""
        return torch.cat([torch.rand(1, generator=g) for g in self.generators]).to(self.device)


def random_segments(batch: Batch, draws: Draws) -> Bool[Tensor, " n"]:
    """Which residues the network is told: two segments, perhaps one in the other, of a share `scaffolded` of the
    samples."""
    length = batch.ptr.diff()
    place = torch.arange(len(batch.batch), device=length.device) - batch.ptr[batch.batch]
    chosen = draws.uniform() < batch.scaffolded
    fixed = torch.zeros_like(place, dtype=torch.bool)
    for _ in range(2):
        size = ((SHORTEST + (LONGEST - SHORTEST) * draws.uniform()) * length).ceil()
        start = (draws.uniform() * (length - size + 1)).floor()
        after = place - start[batch.batch]
        fixed |= chosen[batch.batch] & (after >= 0) & (after < size[batch.batch])
    return fixed


def _mixed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))
