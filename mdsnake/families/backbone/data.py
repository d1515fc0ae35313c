"""Windows of proteins as batches."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch_geometric.data import Batch, Data

from mdsnake.errors import UserError
from mdsnake.families.backbone.config import About
from mdsnake.store.backbones import Backbone
from mdsnake.store.windows import WindowGroup

#: Noised copies of each protein that is validated on.
COPIES = 16


@dataclasses.dataclass(frozen=True)
class Chain:
    """A protein, and where its windows begin.

    Attributes
    ----------
    coords_angstrom : (L, 3, 3) N, CA and C
    starts : first residues of its windows
    longest : residues of a window, if the chain has as many left
    """

    name: str
    coords_angstrom: Float[Tensor, "L 3 3"]
    starts: list[int]
    longest: int

    def window(self, start: int) -> Float[Tensor, "l 3 3"]:
        """Its coordinates, the mean of CA at 0."""
        coords = self.coords_angstrom[start : start + self.longest]
        return coords - coords[:, 1].mean(0)

    @property
    def lengths(self) -> set[int]:
        return {min(self.longest, len(self.coords_angstrom) - start) for start in self.starts}


def collate(windows: Sequence[Float[Tensor, "_ 3 3"]], seeds: Iterable[int]) -> Batch:
    """Windows one after the other as a batch: a node is a residue, with its `coords` in Å and its `index` in the
    window; `seed`, one for each sample, decides the noise."""
    size = torch.tensor([len(coords) for coords in windows])
    return Batch(
        _base_cls=Data,
        batch=torch.arange(len(size)).repeat_interleave(size),
        ptr=torch.cat([size.new_zeros(1), size.cumsum(0)]),
        coords=torch.cat(list(windows)),
        index=torch.cat([torch.arange(len(coords)) for coords in windows]),
        seed=torch.tensor(list(seeds)),
    )


def load_chains(groups: Iterable[WindowGroup], about: About) -> list[Chain]:
    """What the groups point to; their files must be as they were when the windows were made."""
    chains = []
    for group in groups:
        backbone = Backbone.load(Path(group.trajectory))
        if group.starts and max(group.starts) + 2 > backbone.length:
            raise UserError(f"{group.trajectory}: not what its windows were made from; run `mdsnake window` again")
        if group.starts:
            coords = torch.tensor(backbone.coords_angstrom[:, :3], dtype=torch.float32)
            chains.append(Chain(backbone.name, coords, list(group.starts), about.residues.max))
    return chains


def load_crops(groups: Iterable[WindowGroup], about: About) -> list[Float[Tensor, "_ 3 3"]]:
    """Coordinates of all windows of the groups."""
    return [chain.window(start) for chain in load_chains(groups, about) for start in chain.starts]


def part(window: Float[Tensor, "l 3 3"], shortest: int, rng: np.random.Generator) -> Float[Tensor, "m 3 3"]:
    """Residues of a window that follow each other, any number of them from the `shortest` on being as likely."""
    size = int(rng.integers(min(shortest, len(window)), len(window) + 1))
    start = int(rng.integers(len(window) - size + 1))
    coords = window[start : start + size]
    return coords - coords[:, 1].mean(0)


class WindowBatches:
    """Batches of windows drawn at random, and the fixed ones of the validation split.

    What a model tells turns with what it sees, so no window is turned.  Each sample has the `share` of all steps of
    noise that it is to get: those of a batch, and of the copies of a window, are spread evenly from 0 to 1.

    Parameters
    ----------
    training, validation : chains of the two splits
    batch_size : windows in a batch
    cropped : share of the windows in training of which a part is seen
    shortest : residues that such a part has at least
    scaffolded : share of the windows that the model is told parts of
    shape_weight : in 1/Å, of how far off the shape is that the model knows
    """

    def __init__(
        self,
        training: list[Chain],
        validation: list[Chain],
        batch_size: int,
        *,
        cropped: float = 0.0,
        shortest: int = 2,
        scaffolded: float = 0.0,
        shape_weight: float = 0.0,
    ) -> None:
        self.training, self.validation, self.batch_size = training, validation, batch_size
        self.cropped, self.shortest, self.scaffolded = cropped, shortest, scaffolded
        self.shape_weight = shape_weight

    def train_batch(self, rng: np.random.Generator, progress: float = 1.0) -> Batch:
        """A random batch, of windows of other chains as far as there are enough."""
        rounds = -(-self.batch_size // len(self.training))
        chosen = np.concatenate([rng.permutation(len(self.training)) for _ in range(rounds)])[: self.batch_size]
        windows = [self.training[i].window(int(rng.choice(self.training[i].starts))) for i in chosen]
        windows = [part(window, self.shortest, rng) if rng.random() < self.cropped else window for window in windows]
        batch = collate(windows, rng.integers(2**31, size=self.batch_size).tolist())
        share = (rng.permutation(self.batch_size) + rng.random(self.batch_size)) / self.batch_size
        batch.share = torch.tensor(share, dtype=torch.float32)
        batch.scaffolded, batch.shape_weight = self.scaffolded, self.shape_weight
        return batch

    def validation_batches(self) -> list[Batch]:
        """Copies of each window; the noise of a copy is always the same."""
        windows = [chain.window(start) for chain in self.validation for start in chain.starts] * COPIES
        parts = [range(i, min(i + self.batch_size, len(windows))) for i in range(0, len(windows), self.batch_size)]
        batches = [collate([windows[i] for i in part], part) for part in parts]
        for batch in batches:
            batch.share = (batch.seed + 0.5) / len(windows)  # a window comes again after all the others
            batch.scaffolded, batch.shape_weight = self.scaffolded, self.shape_weight
        return batches
