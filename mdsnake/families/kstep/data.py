"""Windows as batches: the training data of the learned jump."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch

from mdsnake.errors import UserError
from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.config import Augmentation, Jump
from mdsnake.families.kstep.corrector import half_kick
from mdsnake.families.kstep.features import MoleculeTensors, molecule_tensors
from mdsnake.nn.rotations import random_rotations
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory
from mdsnake.store.windows import WindowGroup

FRAMES = 2  # frames in a batch of forces alone for each window in one of jumps
NO_AUGMENTATION = Augmentation(rotation=False, time_reversal=False, permutation=False)


@dataclasses.dataclass(frozen=True)
class MoleculeWindows:
    """n windows of one molecule: positions, velocities, forces at both ends, (2, n, N, 3); positions centred;
    `seconds` is what simulating them took."""

    name: str
    molecule: MoleculeTensors
    x: Tensor
    v: Tensor
    f: Tensor
    seconds: float

    def __len__(self) -> int:
        return self.x.shape[1]

    def select(
        self, chosen: Tensor, jump: Jump, augmentation: Augmentation, generator: torch.Generator | None
    ) -> tuple:
        """Inputs and targets of the jump for the windows `chosen`, as a part for `collate`."""
        x, v, f = self.x[:, chosen], self.v[:, chosen], self.f[:, chosen]
        n = len(chosen)
        if augmentation.time_reversal:
            back = torch.rand(n, generator=generator) < 0.5
            x, f = (torch.where(back[None, :, None, None], a.flip(0), a) for a in (x, f))
            v = torch.where(back[None, :, None, None], -v.flip(0), v)
        if augmentation.rotation:
            turn = random_rotations(n, generator)
            x, v, f = (torch.einsum("tnai,nji->tnaj", a, turn) for a in (x, v, f))
        molecule = self.molecule
        if augmentation.permutation:
            order = torch.randperm(x.shape[2], generator=generator)
            x, v, f, molecule = x[:, :, order], v[:, :, order], f[:, :, order], molecule.permuted(order)
        arrays = {
            "positions": x[0],
            "velocities": v[0] + half_kick(f[0], molecule.masses[:, None], jump.lag_ps),
            "forces": f[0],
            "target_positions": x[1],
            "target_velocities": v[1],
            "target_forces": f[1],
        }
        return molecule, arrays


def load_windows(group: WindowGroup, jump: Jump) -> MoleculeWindows:
    """Read the frames that `group` points to; its files must be as they were when it was made."""
    graph, trajectory = MoleculeGraph.load(Path(group.prepared) / "graph.json"), Trajectory.load(group.trajectory)
    trajectory.check(graph.numbers, group.trajectory, jump.timestep_fs)
    if group.starts and max(group.starts) + jump.k >= trajectory.n_frames:
        raise UserError(f"{group.trajectory}: fewer frames than its windows were made from; run `mdsnake window` again")
    starts = np.array(group.starts, dtype=int)
    frames = np.stack([starts, starts + jump.k])
    if (trajectory.segment[frames[0]] != trajectory.segment[frames[1]]).any():
        raise UserError(f"{group.trajectory}: a window of it spans two bursts; run `mdsnake window` again")
    mass = trajectory.masses / trajectory.masses.sum()
    x = trajectory.positions[frames].astype(np.float64)
    x -= np.einsum("tnai,a->tni", x, mass)[:, :, None]
    v = trajectory.velocities[frames]
    x, v, f = (torch.tensor(a, dtype=torch.float32) for a in (x, v, trajectory.forces[frames]))
    return MoleculeWindows(
        group.system, molecule_tensors(graph), x, v, f, 1e-3 * trajectory.counters.get("total_ms", 0.0)
    )


def _forces_alone(part: tuple) -> tuple:
    """Of the inputs and targets of jumps those that forces are matched by."""
    molecule, arrays = part
    return molecule, {name: arrays[name] for name in ("positions", "forces")}


class WindowBatches:
    """Batches of windows drawn evenly over molecules, and the fixed batches of the validation split.

    Parameters
    ----------
    training, validation : windows by molecule
    batch_size : windows in a batch
    force_first : share of the training that matches forces alone, which is cheaper than a jump by all of its drifts
    """

    def __init__(
        self,
        training: Sequence[MoleculeWindows],
        validation: Sequence[MoleculeWindows],
        jump: Jump,
        augmentation: Augmentation,
        batch_size: int,
        force_first: float = 0.0,
    ) -> None:
        self.training, self.validation = [w for w in training if len(w)], [w for w in validation if len(w)]
        self.jump, self.augmentation, self.batch_size = jump, augmentation, batch_size
        self.force_first = force_first

    def train_batch(self, rng: np.random.Generator, progress: float = 1.0) -> Batch:
        """A random batch; the same generator state gives the same batch.

        In the first `force_first` of the training's `progress` it has forces alone, of `FRAMES` times as many windows.
        """
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        forces_alone = progress < self.force_first
        size = FRAMES * self.batch_size if forces_alone else self.batch_size
        molecules = rng.integers(len(self.training), size=size)
        parts = []
        for index, n in zip(*np.unique(molecules, return_counts=True), strict=True):
            windows = self.training[index]
            chosen = torch.from_numpy(rng.integers(len(windows), size=n))
            part = windows.select(chosen, self.jump, self.augmentation, generator)
            parts.append(_forces_alone(part) if forces_alone else part)
        return collate(parts)

    def validation_batches(self, most: int = 512) -> list[Batch]:
        """At most `most` windows of each molecule, evenly spaced, without augmentation; as the training's last batch,
        forces alone where nothing else is learned."""
        parts = (
            windows.select(chosen, self.jump, NO_AUGMENTATION, None)
            for windows in self.validation
            for chosen in torch.arange(0, len(windows), -(-len(windows) // most)).split(self.batch_size)
        )
        return [collate([_forces_alone(part) if self.force_first == 1 else part]) for part in parts]
