"""Diffusion of N, CA and C as points, by a transformer over residues.

The network tells two things: v (Salimans & Ho, ICLR 2022), by which x̂₀ = √ᾱ x_t − √(1 − ᾱ) v is as good as x_t where
there is little noise, and a shape that it knows, superposed on x_t, with how sure it is of it.  It sees x_t in a pose
of its own, which x_t turns with it, so what it tells turns with the structure; no reflection is among them.
"""

from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch_geometric.data import Batch

from mdsnake.families.backbone.config import About, Cartesian
from mdsnake.families.backbone.context import Context
from mdsnake.families.backbone.model import Answer, BackboneModel
from mdsnake.families.backbone.pose import doubt, pose, superposed
from mdsnake.families.backbone.springs import bonded, relaxed, robust_pulls
from mdsnake.nn.attention import rotary, varlen_attention
from mdsnake.nn.diffusion import cosine, noised, step
from mdsnake.nn.mlp import mlp
from mdsnake.nn.modulation import Modulation
from mdsnake.nn.rigid import rotations_of

#: Å in a unit of the state: the standard deviation of a centred coordinate of a protein of this size.
SCALE = 7.16
#: Residues on either side of a residue that it sees in its own frame.
SIDE = 4
#: Numbers of a residue that go in: x_t, how bonds move it, the last x̂₀, those beside it, and whether it is fixed.
INPUTS = 9 + 9 + 9 + 9 * (2 * SIDE + 1) + 1
#: Units of noise by which bonds move an atom at most, as far as the network is told.
MOST = 3.0
#: What relaxing leaves of the variance of the noise.
LEFT = 0.1
#: How often the answer gives way to its bonds, and by how much at most.
EASED, EASE = 8, 0.1
#: Square of what a shape that is known is off by, in the unit of the state.
NEAR = 1e-3


class Layer(nn.Module):
    """Attention and feed-forward over the residues of each sample, both told of the noise level."""

    def __init__(self, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.heads = heads
        self.attend, self.think = Modulation(width), Modulation(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed_forward = mlp(width, feed_forward, width)

    def forward(
        self, h: Float[Tensor, "n width"], condition: Float[Tensor, "samples width"], batch: Batch
    ) -> Float[Tensor, "n width"]:
        x, gate = self.attend(h, self.attend.of(condition)[batch.batch])
        q, k, v = self.qkv(x).view(len(h), 3, self.heads, -1).unbind(1)
        found = varlen_attention(rotary(q, batch.index), rotary(k, batch.index), v, batch.ptr)
        h = h + gate * self.out(found.flatten(1))
        x, gate = self.think(h, self.think.of(condition)[batch.batch])
        return h + gate * self.feed_forward(x)


class CartesianModel(BackboneModel):
    """The member `cartesian`."""

    noise_shape: ClassVar[tuple[int, int]] = (3, 3)
    unit_angstrom: ClassVar[float] = SCALE
    loss_scale: ClassVar[float] = 1.0

    def __init__(self, network: Cartesian, about: About) -> None:
        super().__init__(network, about)
        width = network.width
        self.register_buffer("level", cosine(self.timesteps), persistent=False)
        self.inputs = nn.Linear(INPUTS, width)
        self.context = Context(width, self.timesteps)
        self.layers = nn.ModuleList(Layer(width, network.heads, network.feed_forward) for _ in range(network.layers))
        self.last, self.outputs = nn.LayerNorm(width), nn.Linear(width, 9)
        self.pull, self.local, self.shape = nn.Linear(width, 9), nn.Linear(width, 9), nn.Linear(width, 9)
        self.sure, self.ease = nn.Linear(width, 1), nn.Linear(width, 1)
        for layer in (self.outputs, self.pull, self.local, self.shape):
            nn.init.normal_(layer.weight, std=0.02)

    def encode(self, coords_angstrom: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 3 3"]:
        return coords_angstrom / SCALE

    def decode(self, state: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 3 3"]:
        return SCALE * state

    def places(self, state: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 3"]:
        return state[:, 1]

    def shifted(self, state: Float[Tensor, "n 3 3"], by: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
        return state + by[:, None]

    def prior(self, noise: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 3 3"]:
        return noise

    def noised(
        self, clean: Float[Tensor, "n 3 3"], t: Int[Tensor, " n"], noise: Float[Tensor, "n 3 3"]
    ) -> Float[Tensor, "n 3 3"]:
        return noised(clean, turned(noise, rotations_of(clean)), self.level[t])

    def back(
        self, state: Float[Tensor, "n 3 3"], clean: Float[Tensor, "n 3 3"], t: int, later: int, noise: Tensor | None
    ) -> Float[Tensor, "n 3 3"]:
        drawn = None if noise is None else turned(noise, rotations_of(state))
        return step(state, clean, float(self.level[t]), float(self.level[later]), drawn)

    def denoised(
        self,
        state: Float[Tensor, "n 3 3"],
        t: Int[Tensor, " samples"],
        batch: Batch,
        fixed: Bool[Tensor, " n"],
        before: Float[Tensor, "n 3 3"],
    ) -> Answer:
        level = self.level[t].to(state)[batch.batch, None, None]
        spread, kept = (1 - level).sqrt(), level.sqrt()
        axes = pose(state, batch)[batch.batch]
        seen, known = state @ axes, before @ axes
        angstrom = SCALE * torch.where(fixed, 0.0, spread[:, 0, 0])
        rest = relaxed(SCALE * seen, angstrom, kept[:, 0, 0], batch) / SCALE
        pull, frames = ((rest - seen) / spread).clamp(-MOST, MOST), rotations_of(rest)
        given = torch.cat(
            [seen, pull, known, beside(rest / (level + LEFT * (1 - level)).sqrt(), frames, batch)], dim=1
        ).flatten(1)
        given = torch.cat([given, fixed[:, None].to(given)], dim=-1)
        v, shape, sure, ease = self.network_output(given, pull, frames, t, batch)
        shrunk = torch.where(fixed[:, None, None], seen, kept * seen)
        told = torch.where(fixed[:, None, None], seen, seen / kept)
        variance = torch.where(fixed, 0.0, 1 / level[:, 0, 0] - 1) + NEAR
        shape = superposed(shape, told, 1 / variance, batch)
        sure = sure / doubt(shape, told, variance, batch)[batch.batch, None, None]
        found = shrunk + sure * (shape - shrunk) - spread * v
        following = bonded(batch)
        for _ in range(EASED):
            found = self.eased(found, ease, following)
        return Answer(found @ axes.transpose(-1, -2), shape)

    def eased(
        self, state: Float[Tensor, "n 3 3"], share: Float[Tensor, "n 1"], following: Bool[Tensor, " n"]
    ) -> Float[Tensor, "n 3 3"]:
        return state + EASE * share[..., None] * robust_pulls(SCALE * state, following) / SCALE

    def network_output(
        self,
        given: Float[Tensor, "n inputs"],
        pull: Float[Tensor, "n 3 3"],
        frames: Float[Tensor, "n 3 3"],
        t: Int[Tensor, " samples"],
        batch: Batch,
    ) -> tuple[Float[Tensor, "n 3 3"], Float[Tensor, "n 3 3"], Float[Tensor, "n 1 1"], Float[Tensor, "n 1"]]:
        """v, a shape, from 0 to 1 how sure the network is of it, and how much x̂₀ gives way to its bonds."""
        condition, place = self.context(t, batch)
        h = self.inputs(given) + place
        for layer in self.layers:
            h = layer(h, condition, batch)
        h = self.last(h)
        gates, mixed = self.pull(h).view(-1, 3, 3), self.outputs(h).view(-1, 3, 3)
        v = mixed - gates @ pull + turned(self.local(h).view(-1, 3, 3), frames)
        return v, self.shape(h).view(-1, 3, 3), self.sure(h).sigmoid()[..., None], self.ease(h).sigmoid()

    def errors(
        self,
        found: Float[Tensor, "n 3 3"],
        clean: Float[Tensor, "n 3 3"],
        t: Int[Tensor, " n"],
        batch: Batch,
        weight: Float[Tensor, " n"],
    ) -> dict[str, Tensor]:
        """`loss`: the mean squared error of v, in which all noise levels count alike; `noise`: that of the noise, which
        the source document minimises."""
        level = self.level[t].to(found)
        each = weight * (found - clean).square().mean((1, 2)) / (1 - level)
        total = weight.sum().clamp(min=1)
        return {"loss": each.sum() / total, "noise": (level * each).detach().sum() / total}


def turned(vectors: Float[Tensor, "n 3 3"], rotations: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 3 3"]:
    """The three vectors of each residue, given in its own frame."""
    return vectors @ rotations.transpose(-1, -2)


def beside(x: Float[Tensor, "n 3 3"], frames: Float[Tensor, "n 3 3"], batch: Batch) -> Float[Tensor, "n k 3"]:
    """N, CA and C of each residue and of those up to SIDE before and after it, as seen from its own frame, in nm; 0
    where there are none."""
    length = batch.ptr.diff()[batch.batch]
    seen = []
    for way in range(-SIDE, SIDE + 1):
        there = (batch.index + way >= 0) & (batch.index + way < length)
        apart = (x.roll(-way, 0) - x[:, 1:2]) @ frames * (SCALE / 10)
        seen.append(torch.where(there[:, None, None], apart, 0.0))
    return torch.cat(seen, dim=1)
