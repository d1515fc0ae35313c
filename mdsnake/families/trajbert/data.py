"""Windows of trajectories as batches."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch_geometric.data import Batch, Data

from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import WindowSettings
from mdsnake.families.trajbert.states import next_basin
from mdsnake.inputs import parse
from mdsnake.store.walkers import load_walkers
from mdsnake.store.windows import WindowGroup, Windows


@dataclasses.dataclass(frozen=True)
class TrajectoryWindows:
    """Windows of one file.

    Attributes
    ----------
    x : (F, 2) positions of all of its frames
    state : (F,) basin entered next, −1 where it is not told
    segment : (F,) which walker a frame is of
    starts : (n,) first frames of the windows
    length : frames of a window
    seconds : that simulating the file took
    """

    x: Float[Tensor, "F 2"]
    state: Int[Tensor, " F"]
    segment: Int[Tensor, " F"]
    starts: Int[Tensor, " n"]
    length: int
    seconds: float

    def __len__(self) -> int:
        return len(self.starts)

    def displacements(self) -> Float[Tensor, "pairs 2"]:
        """From each frame to the next one of its walker."""
        return self.x.diff(dim=0)[self.segment.diff() == 0]

    def select(self, chosen: Int[Tensor, " m"], length: int | None = None) -> Batch:
        """The windows `chosen`, cut to `length`: a node is a frame with its `positions`, those of the `next` frame,
        and its `state`."""
        length = length or self.length
        frames = (self.starts[chosen, None] + torch.arange(length)).flatten()
        return collate(self.x[frames], self.x[frames + 1], self.state[frames], [length] * len(chosen))


def collate(
    positions: Float[Tensor, "n 2"], following: Float[Tensor, "n 2"], state: Int[Tensor, " n"], lengths: Sequence[int]
) -> Batch:
    """Windows of these lengths, one after the other, as a batch."""
    size = torch.tensor(lengths)
    ptr = torch.cat([size.new_zeros(1), size.cumsum(0)])
    batch = torch.arange(len(size)).repeat_interleave(size)
    return Batch(_base_cls=Data, batch=batch, ptr=ptr, positions=positions, next=following, state=state)


def about_of(index: Windows, path: Path) -> WindowSettings:
    """What the windows of the file `path` are for; those of another family are a `UserError`."""
    cure = "run `mdsnake window` for trajbert"
    if index.about.get("family") != "trajbert":
        raise UserError(f"{path}: windows of another family; {cure}")
    return parse(WindowSettings, index.about, str(path), cure)


def load_windows(group: WindowGroup, about: WindowSettings) -> TrajectoryWindows:
    """Read the frames that `group` points to; its file must be as it was when it was made."""
    path, length = group.trajectory, about.window.length
    trajectory = load_walkers(Path(path), about.system.record)
    if max(group.starts, default=0) + length >= trajectory.n_frames:
        raise UserError(f"{path}: fewer frames than its windows were made from; run `mdsnake window` again")
    starts = np.array(group.starts, dtype=int)
    if (trajectory.segment[starts] != trajectory.segment[starts + length]).any():
        raise UserError(f"{path}: a window of it spans two walkers; run `mdsnake window` again")
    x = trajectory.positions[:, 0, :2]
    state = next_basin(about.system.surface, x, trajectory.segment)
    return TrajectoryWindows(
        torch.tensor(x, dtype=torch.float32),
        torch.tensor(state, dtype=torch.long),
        torch.tensor(trajectory.segment, dtype=torch.long),
        torch.tensor(starts),
        length,
        1e-3 * trajectory.counters.get("total_ms", 0.0),
    )


class WindowBatches:
    """Batches of windows drawn at random, and the fixed batches of the validation split.

    Parameters
    ----------
    training, validation : windows of the two splits; None where nothing is held out
    batch_size : windows in a batch
    shortest : windows of a training batch are cut to a random length from this on
    """

    def __init__(
        self,
        training: TrajectoryWindows,
        validation: TrajectoryWindows | None,
        batch_size: int,
        shortest: int | None = None,
    ) -> None:
        self.training, self.validation, self.batch_size = training, validation, batch_size
        self.shortest = shortest or training.length

    def train_batch(self, rng: np.random.Generator, progress: float = 1.0) -> Batch:
        """A random batch, its windows all of one length; the same generator state gives the same batch."""
        length = int(rng.integers(self.shortest, self.training.length, endpoint=True))
        chosen = torch.from_numpy(rng.integers(len(self.training), size=self.batch_size))
        return self.training.select(chosen, length)

    def validation_batches(self, most: int = 256) -> list[Batch]:
        """At most `most` whole windows, evenly spaced."""
        if not self.validation:
            return []
        spaced = torch.arange(0, len(self.validation), -(-len(self.validation) // most))
        return [self.validation.select(chosen) for chosen in spaced.split(self.batch_size)]
