"""Equivariant layers of the learned jump.

An EGNN layer with velocities (Satorras, Hoogeboom & Welling, ICML 2021, eq. 3–7), with three changes that make
it physics.  Messages belong to unordered pairs, so the push on i is minus that on j and momentum is conserved
exactly.  Pushes are forces along the line between two atoms, so angular momentum is too.  And each layer is a
kick followed by a drift, so a stack of them is an integrator with learned forces.
"""

import torch
from torch import Tensor, nn

from mdsnake.families.kstep.features import ATOM_CLASSES, PAIR_CLASSES
from mdsnake.nn.attention import varlen_attention
from mdsnake.nn.mlp import mlp
from mdsnake.nn.radial import GaussianBasis, cosine_cutoff
from mdsnake.nn.segments import segment_sum

FORCE_SCALE = 1000.0  # kJ/mol/nm, the size of a thermal force on a bonded atom
BOND_SCALE, ANGLE_SCALE = 0.003, 0.01  # nm, thermal changes of a bonded and of a 1–3 distance
RATE_SCALE = 1.0  # nm/ps
ACCELERATION_SCALE = 100.0  # nm/ps²
N_LINEAR = 5  # terms of `pair_geometry` that a push is linear in


class ClassEmbedding(nn.Module):
    """Sum of one embedding for each categorical feature: (M, c) → (M, width)."""

    offsets: Tensor

    def __init__(self, classes: tuple[int, ...], width: int) -> None:
        super().__init__()
        starts = torch.tensor((0, *classes[:-1])).cumsum(0)
        self.register_buffer("offsets", starts, persistent=False)
        self.table = nn.Embedding(sum(classes), width)

    def forward(self, features: Tensor) -> Tensor:
        return self.table(features + self.offsets).sum(1)


def pair_geometry(x: Tensor, v: Tensor, acceleration: Tensor, pairs: Tensor, rest: Tensor, scale: Tensor) -> tuple[Tensor, ...]:
    """Invariants of each pair.

    Parameters
    ----------
    x, v, acceleration : (A, 3) nm, nm/ps, nm/ps²
    pairs : (2, P)
    rest, scale : (P,) equilibrium distance, nm, 0 where there is none; and the size of its thermal changes, nm

    Returns
    -------
    direction (P, 3) from j to i, distance (P,) nm, and (P, N_LINEAR) scaled: stretch beyond rest, its square
    and cube, rate of change of the distance, relative acceleration along the line
    """
    i, j = pairs
    difference = x[i] - x[j]
    distance = (difference.square().sum(-1) + 1e-12).sqrt()
    direction = difference / distance[:, None]
    stretch = torch.where(rest > 0, (distance - rest) / scale, 0.0).clamp(-5, 5)
    rate = ((v[i] - v[j]) * direction).sum(-1) / RATE_SCALE
    pull = ((acceleration[i] - acceleration[j]) * direction).sum(-1) / ACCELERATION_SCALE
    return direction, distance, torch.stack([stretch, 0.1 * stretch**2, 0.01 * stretch**3, rate, 0.1 * pull], dim=-1)


class KickLayer(nn.Module):
    """Messages between pairs, then a push on each pair and new atom features."""

    def __init__(self, width: int, radial_functions: int, cutoff_nm: float) -> None:
        super().__init__()
        self.cutoff = cutoff_nm
        self.radial = GaussianBasis(radial_functions, cutoff_nm)
        self.from_atoms = nn.Linear(width, width)
        self.from_geometry = nn.Linear(radial_functions + N_LINEAR, width)
        self.message = mlp(width, width, width)
        self.push = nn.Linear(width, 1)
        self.stiffness = mlp(width, width, N_LINEAR)
        self.update = mlp(2 * width, width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, h: Tensor, pair: Tensor, geometry: tuple[Tensor, ...], pairs: Tensor) -> tuple[Tensor, Tensor]:
        """New atom features (A, width) and the push of each pair along its direction, (P,) kJ/mol/nm."""
        _, distance, invariants = geometry
        atoms = self.from_atoms(h)
        known = pair + atoms[pairs[0]] + atoms[pairs[1]]
        features = torch.cat([self.radial(distance), invariants], dim=-1)
        message = self.message(nn.functional.silu(known + self.from_geometry(features)))
        message = nn.functional.silu(message) * cosine_cutoff(distance, self.cutoff)[:, None]
        stiffness = self.stiffness(nn.functional.silu(known))
        push = FORCE_SCALE * (self.push(message)[:, 0] + (stiffness * invariants).sum(-1))
        both = torch.cat([pairs[0], pairs[1]])
        gathered = segment_sum(torch.cat([message, message]), both, len(h))
        return self.norm(h + self.update(torch.cat([h, gathered], dim=-1))), push


class AtomAttention(nn.Module):
    """Pre-norm self-attention and feed-forward over the atoms of each molecule."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feedforward = mlp(width, 2 * width, width)

    def forward(self, h: Tensor, ptr: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm_attention(h)).view(len(h), 3, self.heads, -1).unbind(1)
        h = h + self.out(varlen_attention(q, k, v, ptr).flatten(1))
        return h + self.feedforward(self.norm_feedforward(h))


def embeddings(width: int) -> tuple[ClassEmbedding, ClassEmbedding]:
    """Of atoms and of pairs."""
    return ClassEmbedding(ATOM_CLASSES, width), ClassEmbedding(PAIR_CLASSES, width)
