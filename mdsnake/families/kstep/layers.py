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
from torch.nn.functional import linear, silu

from mdsnake.families.kstep.features import ATOM_CLASSES, PAIR_CLASSES
from mdsnake.nn.attention import varlen_attention
from mdsnake.nn.mlp import mlp
from mdsnake.nn.radial import GaussianBasis, cosine_cutoff
from mdsnake.nn.segments import segment_sum

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
    network distances (M,) nm, and powers of the stretch beyond the distance at rest, scaled, (M, N_STRETCH)."""

    atoms: Tensor
    direction: Tensor
    distance: Tensor
    stretch: Tensor


def pair_geometry(
    x: Float[Tensor, "atoms 3"],
    atoms: Int[Tensor, "2 pairs"],
    rest: Float[Tensor, " pairs"],
    classes: Int[Tensor, "pairs 3"],
    dtype: torch.dtype = torch.float32,
) -> Pairs:
    """Geometry of the pairs `atoms` at positions x nm; `rest` nm is 0 where there is none."""
    difference = x[atoms[0]] - x[atoms[1]]
    distance = (difference.square().sum(-1) + 1e-12).sqrt()
    scale = torch.where(classes[:, 0] == 0, BOND_SCALE, ANGLE_SCALE)
    stretch = torch.where(rest > 0, (distance - rest) / scale, 0.0).clamp(-8, 8)
    powers = torch.stack([stretch, 0.1 * stretch**2, 0.01 * stretch**3], dim=-1)
    return Pairs(atoms, difference / distance[:, None], distance.to(dtype), powers.to(dtype))


class AtomUpdate(nn.Module):
    """New atom features from the messages of the pairs that an atom is in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.update, self.norm = mlp(2 * width, width, width), nn.LayerNorm(width)

    def forward(
        self, h: Float[Tensor, "atoms width"], message: Float[Tensor, "pairs width"], atoms: Int[Tensor, "2 pairs"]
    ) -> Float[Tensor, "atoms width"]:
        gathered = segment_sum(message.repeat(2, 1), atoms.flatten(), len(h))
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
    """What a layer knows of each pair whatever the positions: features (M, width) and, for each variant of the
    force, how stiff it is, (M, variants, N_STRETCH)."""

    pair: Tensor
    stiffness: Tensor


class PairLayer(nn.Module):
    """A push on each pair, in `variants`, and messages to the atoms, which the last layer does not send."""

    def __init__(self, width: int, radial_functions: int, cutoff_nm: float, variants: int, last: bool) -> None:
        super().__init__()
        self.cutoff, self.variants = cutoff_nm, variants
        self.radial = GaussianBasis(radial_functions, cutoff_nm)
        self.from_chemistry, self.from_atoms = nn.Linear(width, width), nn.Linear(width, width)
        self.from_geometry = nn.Linear(radial_functions + N_STRETCH, width)
        self.message, self.push = nn.Linear(width, width), nn.Linear(width, variants)
        self.stiffness = mlp(width, width, variants * N_STRETCH)
        self.update = None if last else AtomUpdate(width)
        self._start_alike()

    def _start_alike(self) -> None:
        """Begin with the same push in all variants: those after the first add to it."""
        with torch.no_grad():
            for linear, first in [(self.push, 1), (self.stiffness[-1], N_STRETCH)]:
                assert isinstance(linear, nn.Linear)
                linear.weight[first:] = 0
                linear.bias[first:] = 0

    def chemistry(
        self,
        h: Float[Tensor, "atoms width"],
        pair: Float[Tensor, "pairs width"],
        atoms: Int[Tensor, "2 pairs"],
    ) -> Chemistry:
        """From atom and pair features of the bond graph."""
        ends = self.from_chemistry(h)
        known = pair + ends[atoms[0]] + ends[atoms[1]]
        return Chemistry(known, self.stiffness(silu(known)).view(len(known), self.variants, N_STRETCH))

    def forward(
        self, h: Float[Tensor, "atoms width"], known: Chemistry, pairs: Pairs, wanted: Sequence[int]
    ) -> tuple[Float[Tensor, "atoms width"], Float[Tensor, "pairs wanted"]]:
        """New atom features, and the `wanted` variants of the pushes along the pairs' directions in FORCE_SCALE."""
        ends = self.from_atoms(h)
        features = self.from_geometry(torch.cat([self.radial(pairs.distance), pairs.stretch], dim=-1))
        message = silu(self.message(silu(known.pair + ends[pairs.atoms[0]] + ends[pairs.atoms[1]] + features)))
        message = message * cosine_cutoff(pairs.distance, self.cutoff)[:, None]
        weight, bias = _variants(self.push.weight, wanted, 0), _variants(self.push.bias, wanted, 0)
        stiffness = _variants(known.stiffness, wanted, 1)
        push = linear(message, weight, bias) + (stiffness * pairs.stretch[:, None]).sum(-1)
        return (self.update(h, message, pairs.atoms) if self.update else h), push


def _variants(values: Tensor, wanted: Sequence[int], dim: int) -> Tensor:
    """Along `dim`, the first entry for variant 0, and for the others what they add to it."""
    first, *added = values.unbind(dim)
    return torch.stack([first + added[i - 1] if i else first for i in wanted], dim)


class AtomAttention(nn.Module):
    """Pre-norm self-attention and feed-forward over the atoms of each molecule."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feedforward = mlp(width, 2 * width, width)

    def forward(self, h: Float[Tensor, "atoms width"], ptr: Int[Tensor, " ends"]) -> Float[Tensor, "atoms width"]:
        q, k, v = self.qkv(self.norm_attention(h)).view(len(h), 3, self.heads, -1).unbind(1)
        h = h + self.out(varlen_attention(q, k, v, ptr).flatten(1))
        return h + self.feedforward(self.norm_feedforward(h))


def embeddings(width: int) -> tuple[ClassEmbedding, ClassEmbedding]:
    """Of atoms and of pairs."""
    return ClassEmbedding(ATOM_CLASSES, width), ClassEmbedding(PAIR_CLASSES, width)
