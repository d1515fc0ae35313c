"""Diffusion of a frame for each residue on R³ × SO(3) (Watson et al., Nature 620, 1089 (2023), suppl. methods 2).

Places of CA, in units of 4 Å, are noised as usual, rotations by Brownian motion on SO(3) with

    σ(t) = 0.02 + 1.5 t + ½ t²,   t from 0 to 1,

and a network of invariant point attention moves the noised frames, layer by layer, to where they were.  Half way it
blends in a shape that it knows, superposed on the noised frames; the surer it is of it, the less the other layers move.
A state is [R | x], (n, 3, 4).
"""

from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize
from torch_geometric.data import Batch

from mdsnake.families.backbone.config import About, Frames
from mdsnake.families.backbone.context import Context
from mdsnake.families.backbone.ipa import InvariantPointAttention
from mdsnake.families.backbone.model import Answer, BackboneModel
from mdsnake.families.backbone.pose import doubt, pose, superposed
from mdsnake.families.backbone.springs import SPREAD, STEPS, bonded, distances, pulls, robust_pulls
from mdsnake.nn import so3
from mdsnake.nn.dense import dense, real
from mdsnake.nn.diffusion import linear, noised, step
from mdsnake.nn.mlp import mlp
from mdsnake.nn.modulation import Modulation
from mdsnake.nn.radial import RadialBasis
from mdsnake.nn.rigid import atoms_of, axes_of, ideal_atoms, rotations_of

#: Å in a unit of the state's places.
SCALE = 4.0
#: Residues along the chain that are told apart, and the range of distances in Å, and how many functions of it.
FARTHEST, CUTOFF, RADIAL = 32, 20.0, 16
#: Weights of places, rotations and bonds, and Å from which errors of places and of bonds count linearly.
W_TRANS, W_ROT, W_BONDS, FAR, FAR_BOND = 0.5, 1.0, 5.0, 10.0, 1.0
#: How often a layer, and the last one, lets frames give way to their bonds, and by how much at most: Å by Å of force,
#: and half a radian by Å² of torque; above, neighbours that both give way to a bond between them would overshoot.
EASED, EASED_LAST, EASE = 2, 8, (0.1, 0.02)
#: Steps of relaxing are this size, above which neighbours would overshoot; Å at which rotations move atoms.
STEP, LEVER = 0.1, 1.5
#: What relaxing leaves of the variance of the noise, over that of the places of a protein, in units of the state.
LEFT = 0.05
#: Square of what a shape that is known is off by, in the unit of the state, and in radians.
NEAR = 3e-3
#: How many times as steep as a sigmoid it is how sure the network is of its shape: nearly all or nothing.
SHARP = 4.0
#: The share of noise above which all levels count alike.
LEVELLED = 0.05


class Layer(nn.Module):
    """Attention and feed-forward, and a motion of each frame, in its own axes."""

    def __init__(self, network: Frames) -> None:
        super().__init__()
        width = network.width
        self.attend, self.think = Modulation(width), Modulation(width)
        self.attention = InvariantPointAttention(
            width, network.pair_width, network.heads, network.query_points, network.value_points
        )
        self.beside = nn.Linear(24, width)
        self.feed_forward = mlp(width, 2 * width, width)
        self.move, self.ease = nn.Linear(width, 6), nn.Linear(width, 2)
        nn.init.normal_(self.move.weight, std=0.02)

    def forward(
        self,
        h: Float[Tensor, "b l width"],
        pair: Float[Tensor, "b l l pair_width"],
        frames: Float[Tensor, "b l 3 4"],
        condition: Float[Tensor, "b width"],
        there: Bool[Tensor, "b l"],
        following: Bool[Tensor, "b l"],
    ) -> tuple[Float[Tensor, "b l width"], Float[Tensor, "b l 6"], Float[Tensor, "b l 2"]]:
        """New features, how the frame moves, and how much it gives way to its bonds."""
        rotations, places = frames[..., :3], frames[..., 3]
        x, gate = self.attend(h, self.attend.of(condition)[:, None])
        h = h + gate * self.attention(x, pair, rotations, places, there)
        x, gate = self.think(h, self.think.of(condition)[:, None])
        h = h + gate * self.feed_forward(x + self.beside(neighbours(frames, following)))
        return h, self.move(h), self.ease(h).sigmoid()


class FramesModel(BackboneModel):
    """The member `frames`."""

    noise_shape: ClassVar[tuple[int, int]] = (2, 3)
    unit_angstrom: ClassVar[float] = SCALE
    loss_scale: ClassVar[float] = 20.0
    sigma: Tensor

    def __init__(self, network: Frames, about: About) -> None:
        super().__init__(network, about)
        t = torch.linspace(0, 1, self.timesteps + 1, dtype=torch.float64)
        self.register_buffer("level", linear(self.timesteps), persistent=False)
        self.register_buffer("sigma", 0.02 + 1.5 * t + 0.5 * t.square(), persistent=False)
        self.sigma[0] = 0.0  # the last step ends at x̂₀
        width, pair_width = network.width, network.pair_width
        self.inputs = nn.Linear(12 + 12 + 1, width)
        self.context = Context(width, self.timesteps)
        self.radial = RadialBasis(RADIAL, CUTOFF)
        self.apart = nn.Embedding(2 * FARTHEST + 1, pair_width)
        self.pair = mlp(2 * (RADIAL + 3), pair_width, pair_width)
        self.layers = nn.ModuleList(Layer(network) for _ in range(network.layers))
        self.norm, self.shape, self.sure = nn.LayerNorm(width), nn.Linear(width, 9), nn.Linear(width, 2)

    def loss(self, batch: Batch, generator: Generator) -> dict[str, Tensor]:
        """In single precision whatever that of the training: rotations of fewer digits are none."""
        with torch.autocast(batch.coords.device.type, enabled=False):
            return super().loss(batch, generator)

    def encode(self, coords_angstrom: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 3 4"]:
        return torch.cat([rotations_of(coords_angstrom), coords_angstrom[:, 1, :, None] / SCALE], dim=-1)

    def decode(self, state: Float[Tensor, "n 3 4"]) -> Float[Tensor, "n 3 3"]:
        return atoms_of(state[..., :3], SCALE * state[..., 3])

    def places(self, state: Float[Tensor, "n 3 4"]) -> Float[Tensor, "n 3"]:
        return state[..., 3]

    def shifted(self, state: Float[Tensor, "n 3 4"], by: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 4"]:
        return torch.cat([state[..., :3], (state[..., 3] + by)[..., None]], dim=-1)

    def prior(self, noise: Float[Tensor, "n 2 3"]) -> Float[Tensor, "n 3 4"]:
        everywhere = noise.new_full((len(noise),), so3.WIDEST)
        return torch.cat([so3.exp(so3.of_normal(noise[:, 1], everywhere)), noise[:, 0, :, None]], dim=-1)

    def noised(
        self, clean: Float[Tensor, "n 3 4"], t: Int[Tensor, " n"], noise: Float[Tensor, "n 2 3"]
    ) -> Float[Tensor, "n 3 4"]:
        rotations, places = clean[..., :3], clean[..., 3]
        drawn = (rotations @ noise[:, 0, :, None])[..., 0]
        turn = so3.exp(so3.of_normal(noise[:, 1], self.sigma[t]))
        return torch.cat([rotations @ turn, noised(places, drawn, self.level[t])[..., None]], dim=-1)

    def back(
        self, state: Float[Tensor, "n 3 4"], clean: Float[Tensor, "n 3 4"], t: int, later: int, noise: Tensor | None
    ) -> Float[Tensor, "n 3 4"]:
        drawn = None if noise is None else (state[..., :3] @ noise[:, 0, :, None])[..., 0]
        places = step(state[..., 3], clean[..., 3], float(self.level[t]), float(self.level[later]), drawn)
        turn = None if noise is None else noise[:, 1]
        rotations = so3.bridge(state[..., :3], clean[..., :3], float(self.sigma[t]), float(self.sigma[later]), turn)
        return torch.cat([rotations, places[..., None]], dim=-1)

    def denoised(
        self,
        state: Float[Tensor, "n 3 4"],
        t: Int[Tensor, " samples"],
        batch: Batch,
        fixed: Bool[Tensor, " n"],
        before: Float[Tensor, "n 3 4"],
    ) -> Answer:
        there = real(batch.ptr)
        condition, place = self.context(t, batch)
        bonds, free = bonded(batch), ~fixed[:, None]
        level, sigma = self.level[t].to(state)[batch.batch, None], self.sigma[t].to(state)[batch.batch, None]
        variance = free * (1 / level - 1)  # of what x_t/√ᾱ tells of x₀
        uncertain = variance[:, 0] + NEAR
        places = torch.where(free, state[..., 3] / level.sqrt(), state[..., 3])
        told = torch.cat([state[..., :3], places[..., None]], dim=-1)
        start = self.relaxed(told, SCALE * variance.sqrt(), free * sigma, bonds)
        start = torch.cat([start[..., :3], start[..., 3:] / (1 + LEFT * variance)[..., None]], dim=-1)
        told_before = (before[:, 0, :3] != 0).any(-1)[:, None, None]
        known = torch.where(told_before, relative(state, before), 0.0).flatten(1)
        axes = pose(self.decode(state), batch)[batch.batch]
        seen = axes.transpose(-1, -2) @ state
        known = torch.cat([known, seen.flatten(1), fixed[:, None].to(known)], dim=-1)
        h = dense(self.inputs(known) + place, there)
        index, frames, following = dense(batch.index, there), dense(start, there), dense(bonds, there)
        apart = (index[:, None] - index[:, :, None]).clamp(-FARTHEST, FARTHEST) + FARTHEST
        between = torch.cat([self.geometry(frames), self.geometry(dense(before, there))], dim=-1)
        pair = self.pair(between) + self.apart(apart)
        spread, turn = free * (1 - level).sqrt(), free * sigma.clamp(max=1)
        frames, unsure = start, free.to(start).expand(-1, 2)  # of rotations, of places
        for number, layer in enumerate(self.layers):
            if number == len(self.layers) // 2:
                mine = self.norm(h[there])
                shape = self.known_shape(mine)
                recalled = self.superposed_frames(shape, told, uncertain, (free * sigma)[:, 0].square() + NEAR, batch)
                off = doubt(recalled[:, None, :, 3], told[:, None, :, 3], uncertain, batch)[batch.batch, None]
                believed = (SHARP * self.sure(mine)).sigmoid() / off
                frames, unsure = between_frames(frames, recalled, free * believed), free * (1 - believed)
            h, motion, ease = layer(h, pair, dense(frames, there), condition, there, following)
            motion, ease = motion[there], free * ease[there]
            frames = moved(frames, unsure[:, :1] * turn * motion[:, :3], unsure[:, 1:] * spread * motion[:, 3:])
            for _ in range(EASED if layer is not self.layers[-1] else EASED_LAST):
                frames = self.eased(frames, ease, bonds)
        return Answer(frames, shape)

    def eased(
        self, state: Float[Tensor, "n 3 4"], share: Float[Tensor, "n k"], following: Bool[Tensor, " n"]
    ) -> Float[Tensor, "n 3 4"]:
        force, torque = strain(state, robust_pulls(self.decode(state), following))
        place, turn = EASE
        return moved(state, turn * share[:, -1:] * torque, place * share[:, :1] * force / SCALE)

    @torch.no_grad()
    def relaxed(
        self,
        frames: Float[Tensor, "n 3 4"],
        place: Float[Tensor, "n 1"],
        turn: Float[Tensor, "n 1"],
        following: Bool[Tensor, " n"],
    ) -> Float[Tensor, "n 3 4"]:
        """Frames with noise of as many Å and radians, moved to bonds of the known distances, each way the further the
        more noise it has."""
        give = STEP / (place.square() + (LEVER * turn).square() + SPREAD**2)
        for _ in range(STEPS):
            force, torque = strain(frames, pulls(self.decode(frames), following))
            frames = moved(frames, 0.5 * give * turn.square() * torque, give * place.square() * force / SCALE)
        return frames

    def known_shape(self, h: Float[Tensor, "n width"]) -> Float[Tensor, "n 3 3"]:
        """N, CA and C of the shape that the network knows."""
        n, ca, c = self.shape(h).view(-1, 3, 3).unbind(1)
        return torch.stack([n + ca, ca, c + ca], dim=1)

    def superposed_frames(
        self,
        shape: Float[Tensor, "n 3 3"],
        seen: Float[Tensor, "n 3 4"],
        place: Float[Tensor, " n"],
        turn: Float[Tensor, " n"],
        batch: Batch,
    ) -> Float[Tensor, "n 3 4"]:
        """Frames of a shape, superposed on those that are `seen`, whose places and rotations have these variances.

        Of all rotations Q it is the likeliest, where noise is little: that of least Σ |x Q − y|² / place +
        |Qᵀ S − R|² / 2 turn, places x on y and rotations S on R.
        """
        rotations = rotations_of(shape) @ seen[..., :3].transpose(-1, -2) / (2 * turn)[:, None, None]
        # the three atoms of a residue have the noise of its one place
        atoms = superposed(shape, self.decode(seen) / SCALE, 1 / (3 * place), batch, rotations)
        return torch.cat([rotations_of(atoms), atoms[:, 1, :, None]], dim=-1)

    def geometry(self, frames: Float[Tensor, "b l 3 4"]) -> Float[Tensor, "b l l c"]:
        """How far residues are from each other, and where from each other's frame, in nm."""
        places = frames[..., 3]
        apart = SCALE * (places[:, None] - places[:, :, None])
        seen = 0.1 * apart @ frames[..., :3]
        return torch.cat([self.radial(torch.linalg.vector_norm(apart, dim=-1)), seen], dim=-1)

    def errors(
        self,
        found: Float[Tensor, "n 3 4"],
        clean: Float[Tensor, "n 3 4"],
        t: Int[Tensor, " n"],
        batch: Batch,
        weight: Float[Tensor, " n"],
    ) -> dict[str, Tensor]:
        """`place` and `rotation` of d_frame², and `bonds`, mean squared errors of distances along the chain in Å², all
        weighted up where there is little noise; `noise` is the squared error of the noise of the places.

        d_frame² = w_trans min(|x − x̂|, 10 Å)² + w_rot |I − R̂ᵀR|²; here it goes on linearly beyond 10 Å, where a
        training begins and a constant would have no slope.
        """
        level = self.level[t].to(found)
        off = (found[..., 3] - clean[..., 3]).square().sum(-1)
        place = W_TRANS * linear_beyond(SCALE**2 * off, FAR)
        turned = torch.eye(3, device=found.device) - found[..., :3].transpose(-1, -2) @ clean[..., :3]
        rotation = W_ROT * turned.square().sum((-1, -2))
        told, true = (distances(self.decode(state))[0][:, 3:] for state in (found, clean))
        bonds = W_BONDS * level * bonded(batch) * linear_beyond((told - true).square(), FAR_BOND).mean(-1)
        total = weight.sum().clamp(min=1)
        either = torch.maximum(weight, weight.roll(-1))  # of the two residues that a bond joins
        parts = {"place": weight * place, "rotation": weight * rotation, "bonds": either * bonds}
        means = {name: (value / (1 - level + LEVELLED)).sum() / total for name, value in parts.items()}
        noise = (weight * level / (1 - level) * off / 3).detach().sum() / total
        return {"loss": sum(means.values(), torch.zeros_like(total)), **means, "noise": noise}


def strain(
    frames: Float[Tensor, "n 3 4"], pull: Float[Tensor, "n 3 3"]
) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    """Force and torque on each residue, in Å and Å² and in its own axes, of how its N, CA and C are pulled."""
    pull = pull @ frames[..., :3]
    return pull.sum(1), torch.linalg.cross(ideal_atoms().to(frames).expand_as(pull), pull).sum(1)


def linear_beyond(square: Float[Tensor, "*n"], far: float) -> Float[Tensor, "*n"]:
    """d² up to `far`, and the line that goes on from there."""
    return torch.where(square < far**2, square, 2 * far * square.clamp(min=far**2).sqrt() - far**2)


def between_frames(
    frames: Float[Tensor, "n 3 4"], others: Float[Tensor, "n 3 4"], share: Float[Tensor, "n 2"]
) -> Float[Tensor, "n 3 4"]:
    """A share of the way from frames to others, of rotations and of places."""
    share = torch.cat([share[:, :1].expand(-1, 3), share[:, 1:]], dim=-1)[:, None]
    mixed = frames + share * (others - frames)
    return torch.cat([axes_of(mixed[..., 0], mixed[..., 1]), mixed[..., 3:]], dim=-1)


def relative(frames: Float[Tensor, "*n 3 4"], others: Float[Tensor, "*n 3 4"]) -> Float[Tensor, "*n 3 4"]:
    """The others as seen from the frames."""
    moved = torch.cat([others[..., :3], (others[..., 3] - frames[..., 3])[..., None]], dim=-1)
    return frames[..., :3].transpose(-1, -2) @ moved


def neighbours(frames: Float[Tensor, "b l 3 4"], following: Bool[Tensor, "b l"]) -> Float[Tensor, "b l 24"]:
    """The residues before and after, as seen from each; zeros where there is none."""
    after = torch.where(following[..., None, None], relative(frames, frames.roll(-1, 1)), 0.0)
    before = torch.where(following.roll(1, 1)[..., None, None], relative(frames, frames.roll(1, 1)), 0.0)
    return torch.cat([before, after], dim=-1).flatten(2)


def moved(
    frames: Float[Tensor, "*n 3 4"], turn: Float[Tensor, "*n 3"], shift: Float[Tensor, "*n 3"]
) -> Float[Tensor, "*n 3 4"]:
    """Frames turned by the quaternion (1, turn) and shifted, both in their own axes."""
    q = normalize(torch.cat([torch.ones_like(turn[..., :1]), turn], dim=-1), dim=-1)
    w, v = q[..., :1, None], q[..., 1:]
    cross = so3.hat(v)
    rotation = torch.eye(3, device=v.device) + 2 * w * cross + 2 * cross @ cross
    places = frames[..., 3] + (frames[..., :3] @ shift[..., None])[..., 0]
    return torch.cat([frames[..., :3] @ rotation, places[..., None]], dim=-1)
