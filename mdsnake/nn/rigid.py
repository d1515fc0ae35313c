"""Backbones as frames: a rotation and a place for each residue, from N, CA and C and back.

A frame lies at CA; its first axis points to C, and N is in the plane of the first two (Jumper et al., Nature 596, 583
(2021), suppl. algorithm 21).  Lengths are in Å.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

# Mean lengths and angles of real backbones (Engh & Huber, Acta Cryst. A 47, 392 (1991)).
N_CA, CA_C, C_N, C_O = 1.460, 1.525, 1.329, 1.231
N_CA_C, CA_C_N, C_N_CA, CA_C_O = (math.radians(angle) for angle in (111.0, 116.6, 121.7, 120.4))
#: Dihedral N–CA–C–O of a last residue, which no next one tells: that of a strand.
LAST_O = math.radians(-40.0)


def ideal_atoms() -> Float[Tensor, "3 3"]:
    """N, CA and C of a residue in its frame."""
    return torch.tensor([[N_CA * math.cos(N_CA_C), N_CA * math.sin(N_CA_C), 0.0], [0.0, 0.0, 0.0], [CA_C, 0.0, 0.0]])


def axes_of(along: Float[Tensor, "*n 3"], towards: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """Proper rotations whose first column is `along`, and whose first two hold `towards` (Gram–Schmidt)."""
    first = normalize(along, dim=-1)
    second = normalize(towards - (towards * first).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def rotations_of(coords: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "*n 3 3"]:
    """The axes, as columns, of the frames of N, CA and C."""
    n, ca, c = coords.unbind(-2)
    return axes_of(c - ca, n - ca)


def atoms_of(rotations: Float[Tensor, "*n 3 3"], places: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """N, CA and C of frames whose CA lie at `places` Å."""
    return ideal_atoms().to(places) @ rotations.transpose(-1, -2) + places[..., None, :]


def with_oxygen(coords: Float[Tensor, "n 3 3"], following: Int[Tensor, " n"] | None = None) -> Float[Tensor, "n 4 3"]:
    """N, CA, C with O in the plane of the peptide bond.

    Parameters
    ----------
    following : the row of the next residue of the same chain, its own where there is none; none: rows are one chain
    """
    if following is None:
        following = torch.arange(1, len(coords) + 1, device=coords.device).clamp(max=len(coords) - 1)
    n, ca, c = coords.unbind(1)
    first = normalize(ca - c, dim=-1)
    towards = coords[following, 0] - c  # the next N, from which O points away
    last = (following == torch.arange(len(coords), device=coords.device))[:, None]
    side = normalize(n - ca - ((n - ca) * first).sum(-1, keepdim=True) * first, dim=-1)
    turned = math.cos(LAST_O) * side + math.sin(LAST_O) * torch.linalg.cross(side, first)
    away = torch.where(last, turned, -normalize(towards - (towards * first).sum(-1, keepdim=True) * first, dim=-1))
    oxygen = c + C_O * (math.cos(CA_C_O) * first + math.sin(CA_C_O) * away)
    return torch.cat([coords, oxygen[:, None]], dim=1)
