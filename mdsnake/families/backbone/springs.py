"""How bonds and angles of known size pull, and residues that are too near push: what that tells of noise, and where it
brings what is nearly right."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch_geometric.data import Batch

from mdsnake.nn.dense import dense, real
from mdsnake.nn.rigid import C_N, C_N_CA, CA_C, CA_C_N, N_CA, N_CA_C


def _across(a: float, b: float, angle: float) -> float:
    """Third side of a triangle."""
    return float((a * a + b * b - 2 * a * b * torch.tensor(angle).cos()) ** 0.5)


#: Pairs of atoms of a known distance in Å, atoms 3 to 5 being those of the next residue.
PAIRS: tuple[tuple[int, int, float], ...] = (
    (0, 1, N_CA),
    (1, 2, CA_C),
    (0, 2, _across(N_CA, CA_C, N_CA_C)),
    (2, 3, C_N),
    (1, 3, _across(CA_C, C_N, CA_C_N)),
    (2, 4, _across(C_N, N_CA, C_N_CA)),
    (1, 4, 3.80),
)
#: Which of six atoms a pair pulls towards the other, and which back.
SIGNS = [[(atom == i) - (atom == j) for i, j, _ in PAIRS] for atom in range(6)]
#: Å: how far real distances are from the known ones.
SPREAD = 0.03
#: Steps down the slope of the springs, and their size, above which springs that share an atom would overshoot.
STEPS, STEP = 20, 0.18
#: Residues along the chain from which on two may be too near each other.
APART = 3


def bonded(batch: Batch) -> Bool[Tensor, " n"]:
    """Whether the residue of the next row is the next of the same chain."""
    following = (batch.index.diff() == 1) & (batch.batch.diff() == 0)
    return torch.cat([following, following.new_zeros(1)])


def distances(coords: Float[Tensor, "n 3 3"]) -> tuple[Float[Tensor, "n 7"], Float[Tensor, "n 7 3"]]:
    """Of the PAIRS in Å, and their unit vectors; pairs with a next residue mean nothing where there is none."""
    both = torch.cat([coords, coords.roll(-1, 0)], dim=1)
    first, second = [pair[0] for pair in PAIRS], [pair[1] for pair in PAIRS]
    apart = both[:, second] - both[:, first]
    distance = torch.linalg.vector_norm(apart, dim=-1)
    return distance, apart / distance.clamp(min=1e-6)[..., None]


@torch.no_grad()
def relaxed(
    coords: Float[Tensor, "n 3 3"], noise: Float[Tensor, " n"], scale: Float[Tensor, " n"], batch: Batch
) -> Float[Tensor, "n 3 3"]:
    """Coordinates in Å with as much `noise`, brought to the known distances times `scale`; what has no noise stays.

    Of N, CA and C of a chain, distances fix all but two of nine numbers by residue, so this takes away most of the
    noise whatever the fold: of its square 0.4 are left at 0.2 Å, 0.3 at 1 Å.
    """
    following = bonded(batch)
    give = (STEP * noise.square() / (noise.square() + SPREAD**2))[:, None, None]
    for _ in range(STEPS):
        coords = coords + give * pulls(coords, following, scale)
    return coords


def pulls(
    coords: Float[Tensor, "n 3 3"], following: Bool[Tensor, " n"], scale: Float[Tensor, " n"] | None = None
) -> Float[Tensor, "n 3 3"]:
    """How the pairs pull in Å, those of residues that a next one is `following`: minus the slope of Σ ½ s², s being Å
    of stretch beyond `scale` times the known distance."""
    stretch, along = stretches(coords, following, scale)
    return gathered(stretch[..., None] * along)


def robust_pulls(coords: Float[Tensor, "n 3 3"], following: Bool[Tensor, " n"]) -> Float[Tensor, "n 3 3"]:
    """As `pulls`, of Σ ½ s²/(1 + s²), so that only pairs that are nearly right are brought to their distance (Geman &
    McClure, Bull. Int. Stat. Inst. 52, 5 (1987))."""
    stretch, along = stretches(coords, following)
    return gathered((stretch / (1 + stretch.square()).square())[..., None] * along)


def stretches(
    coords: Float[Tensor, "n 3 3"], following: Bool[Tensor, " n"], scale: Float[Tensor, " n"] | None = None
) -> tuple[Float[Tensor, "n 7"], Float[Tensor, "n 7 3"]]:
    """By how many Å the PAIRS are further apart than `scale` times what is known, 0 where there is no next residue, and
    their unit vectors."""
    distance, along = distances(coords)
    known = distance.new_tensor([pair[2] for pair in PAIRS])
    known = known if scale is None else scale[:, None] * known
    there = torch.cat([torch.ones_like(distance[:, :3], dtype=torch.bool), following[:, None].expand(-1, 4)], -1)
    return (distance - known) * there, along


def gathered(force: Float[Tensor, "n 7 3"]) -> Float[Tensor, "n 3 3"]:
    """What the forces of the PAIRS come to for each of N, CA and C."""
    pulled = force.new_tensor(SIGNS) @ force
    return pulled[:, :3] + pulled[:, 3:].roll(1, 0)


def pushes(ca: Float[Tensor, "n 3"], clearance: float, batch: Batch) -> Float[Tensor, "n 3"]:
    """How CA that are less than `clearance` Å from each other push each other, in Å: minus the slope of
    Σ ½ (clearance − distance)² over pairs APART or more along a chain."""
    there = real(batch.ptr)
    places, index = dense(ca, there), dense(batch.index, there)
    apart = places[:, :, None] - places[:, None]
    distance = torch.linalg.vector_norm(apart, dim=-1)
    pairs = ((index[:, :, None] - index[:, None]).abs() >= APART) & there[:, :, None] & there[:, None]
    short = pairs * (clearance - distance).clamp(min=0)
    return ((short / distance.clamp(min=0.1))[..., None] * apart).sum(2)[there]
