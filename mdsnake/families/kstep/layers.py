"""A learned force: a sum of forces between pairs of atoms, from their bond graph and distances.

Message passing as in EGNN (Satorras, Hoogeboom & Welling, ICML 2021, eq. 3–6) with one change: messages belong to
unordered pairs and push along the line between two atoms.  So forces turn with the molecule, and momentum and
angular momentum are conserved exactly.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import silu

from mdsnake.families.kstep.features import ATOM_CLASSES, PAIR_CLASSES
from mdsnake.nn.attention import varlen_attention
from mdsnake.nn.blocks import block_linear
from mdsnake.nn.mlp import mlp
from mdsnake.nn.radial import RadialBasis, cosine_cutoff

FORCE_SCALE = 1000.0  # kJ/mol/nm, the size of a thermal force on a bonded atom
BOND_SCALE, ANGLE_SCALE = 0.003, 0.01  # nm, thermal changes of a bonded and of a 1–3 distance
N_STRETCH = 3  # powers of the stretch that a force is linear in


class ClassEmbedding(nn.Module):
    """Sum of one embedding for each categorical feature: (M, c) → (M, width)."""

    offsets: Tensor

    def __init__(self, classes: tuple[int, ...], width: int) -> None:
        super().__init__()
        starts = torch.tensor((0, *classes[:-1])).cumsum(0)
        self.register_buffer("offsets", starts, persistent=False)
        self.table = nn.Embedding(sum(classes), width)

    def forward(self, features: Int[Tensor, "m classes"]) -> Float[Tensor, "m width"]:
        return self.table(features + self.offsets).sum(1)


class Pairs(NamedTuple):
    """M pairs: atoms (2, M), unit vectors from j to i (M, 3) in the precision of the positions; and in that of the
    network radial functions and scaled powers of the stretch (M, radial + N_STRETCH), the latter alone, and the cutoff
    (M, 1)."""

    atoms: Tensor
    direction: Tensor
    features: Tensor
    stretch: Tensor
    cutoff: Tensor


class Geometry(nn.Module):
    """What the layers see of the positions."""

    def __init__(self, radial_functions: int, cutoff_nm: float) -> None:
        super().__init__()
        self.cutoff, self.radial = cutoff_nm, RadialBasis(radial_functions, cutoff_nm)

    def forward(
        self,
        x: Float[Tensor, "atoms 3"],
        atoms: Int[Tensor, "2 pairs"],
        rest: Float[Tensor, " pairs"],
        softness: Float[Tensor, " pairs"],
        dtype: torch.dtype = torch.float32,
    ) -> Pairs:
        """Of the pairs `atoms` at positions x nm; `rest` nm, and 1/`softness` nm is the scale of the stretch."""
        difference = x[atoms[0]] - x[atoms[1]]
        distance = torch.linalg.vector_norm(difference, dim=-1)
        stretch = ((distance - rest) * softness).to(dtype).clamp(-8, 8)
        powers = torch.stack([stretch, 0.1 * stretch**2, 0.01 * stretch**3], dim=-1)
        near = distance.to(dtype)
        features = torch.cat([self.radial(near), 0.3 * powers], dim=-1)
        return Pairs(atoms, difference / distance[:, None], features, powers, cosine_cutoff(near, self.cutoff)[:, None])


def stiffness_scale(rest: Float[Tensor, " pairs"], classes: Int[Tensor, "pairs 3"]) -> Float[Tensor, " pairs"]:
    """1/nm that the stretch beyond `rest` nm is scaled by; 0 where `rest` is, so that such pairs have none."""
    return torch.where(rest > 0, torch.where(classes[:, 0] == 0, 1 / BOND_SCALE, 1 / ANGLE_SCALE), 0.0)


class AtomUpdate(nn.Module):
    """New atom features from the messages of the pairs that an atom is in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.update, self.norm = mlp(2 * width, width, width), nn.LayerNorm(width)

    def forward(
        self, h: Float[Tensor, "atoms width"], message: Float[Tensor, "pairs width"], atoms: Int[Tensor, "2 pairs"]
    ) -> Float[Tensor, "atoms width"]:
        zero = message.new_zeros(h.shape)
        gathered = zero.index_add(0, atoms[0], message).index_add(0, atoms[1], message)
        return self.norm(h + self.update(torch.cat([h, gathered], dim=-1)))


class BondLayer(nn.Module):
    """Message passing over the bond graph alone: new atom features from those of all pairs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.from_atoms, self.message = nn.Linear(width, width), nn.Linear(width, width)
        self.update = AtomUpdate(width)

    def forward(
        self, h: Float[Tensor, "atoms width"], pair: Float[Tensor, "pairs width"], atoms: Int[Tensor, "2 pairs"]
    ) -> Float[Tensor, "atoms width"]:
        ends = self.from_atoms(h)
        message = silu(self.message(silu(pair + ends[atoms[0]] + ends[atoms[1]])))
        return self.update(h, message, atoms)


class Chemistry(NamedTuple):
    """What a layer knows of each of p pairs of a molecule whatever the positions: the table and the offset that make
    its features of distance, (p, radial + N_STRETCH, width) and (p, width), and how the force reads them and how stiff
    the pair is, (p, width + N_STRETCH, 1)."""

    table: Tensor
    offset: Tensor
    head: Tensor


class PairLayer(nn.Module):
    """A push on each pair, and messages to the atoms, which the last layer does not send.

    Every pair has its own functions of distance, made from the bond graph: σ(W r + b + U hᵢ + U hⱼ) of radial functions
    r with its own W and b, read out by its own weights.  The first layer's atoms know nothing of positions yet, so it
    has no U.
    """

    def __init__(self, width: int, radial_functions: int, first: bool, last: bool) -> None:
        super().__init__()
        self.width, self.inputs = width, radial_functions + N_STRETCH
        self.from_chemistry, self.pair = nn.Linear(width, width), mlp(width, width, width)
        self.from_atoms = None if first else nn.Linear(width, width)
        self.table, self.offset = nn.Linear(width, self.inputs * width), nn.Linear(width, width)
        self.head = nn.Linear(width, width + N_STRETCH)
        self.update = None if last else AtomUpdate(width)
        nn.init.normal_(self.table.weight, std=0.02)  # nearly the same table for all pairs
        nn.init.normal_(self.table.bias, std=self.inputs**-0.5)

    def chemistry(
        self,
        h: Float[Tensor, "atoms width"],
        pair: Float[Tensor, "pairs width"],
        atoms: Int[Tensor, "2 pairs"],
    ) -> Chemistry:
        """From atom and pair features of the bond graph."""
        ends = self.from_chemistry(h)
        known = silu(self.pair(silu(pair + ends[atoms[0]] + ends[atoms[1]])))
        table = self.table(known).view(len(known), self.inputs, self.width)
        return Chemistry(table, self.offset(known), self.head(known)[:, :, None])

    def forward(
        self,
        h: Float[Tensor, "atoms width"],
        known: Chemistry,
        pairs: Pairs,
        parts: Sequence[tuple[int, int]],
    ) -> tuple[Float[Tensor, "atoms width"], Float[Tensor, "pairs 1"]]:
        """New atom features, and the pushes along the pairs' directions in FORCE_SCALE.

        `parts` are the number of pairs and of samples of each molecule.
        """
        features = block_linear(pairs.features, known.table, parts, known.offset)
        if self.from_atoms:
            ends = self.from_atoms(h)
            features = features + ends[pairs.atoms[0]] + ends[pairs.atoms[1]]
        message = silu(features) * pairs.cutoff
        read = torch.cat([message, pairs.stretch], dim=-1)
        push = block_linear(read, known.head, parts)
        return (self.update(h, message, pairs.atoms) if self.update else h), push


class AtomAttention(nn.Module):
    """Pre-norm self-attention and feed-forward over the atoms of each molecule."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feedforward = mlp(width, 2 * width, width)

    def forward(
        self, h: Float[Tensor, "atoms width"], ptr: Int[Tensor, " ends"], length: int | None = None
    ) -> Float[Tensor, "atoms width"]:
        """New atom features; `length` is the number of atoms of each molecule, where that is the same for all."""
        q, k, v = self.qkv(self.norm_attention(h)).view(len(h), 3, self.heads, -1).unbind(1)
        h = h + self.out(varlen_attention(q, k, v, ptr, length).flatten(1))
        return h + self.feedforward(self.norm_feedforward(h))


def embeddings(width: int) -> tuple[ClassEmbedding, ClassEmbedding]:
    """Of atoms and of pairs."""
    return ClassEmbedding(ATOM_CLASSES, width), ClassEmbedding(PAIR_CLASSES, width)
