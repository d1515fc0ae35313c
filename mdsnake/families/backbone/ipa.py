"""Invariant point attention (Jumper et al., Nature 596, 583 (2021), suppl. algorithm 22).

Besides by their features, residues attend to each other by how near points are that each has in its own frame, and
gather such points.  Squared distances are multiplied out, |a − b|² = |a|² + |b|² − 2 a·b, so everything is a product of
matrices.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import softplus


class InvariantPointAttention(nn.Module):
    """New features of residues from those of the others, which no common motion of all frames changes."""

    def __init__(self, width: int, pair_width: int, heads: int, query_points: int, value_points: int) -> None:
        super().__init__()
        self.heads, self.query_points, self.value_points = heads, query_points, value_points
        self.qkv = nn.Linear(width, 3 * width)
        self.points = nn.Linear(width, heads * (2 * query_points + value_points) * 3)
        self.pair = nn.Linear(pair_width, heads, bias=False)
        self.nearness = nn.Parameter(torch.full((heads,), math.log(math.e - 1)))  # softplus of it is 1
        self.out = nn.Linear(width + heads * (4 * value_points + pair_width), width)

    def forward(
        self,
        h: Float[Tensor, "b l width"],
        pair: Float[Tensor, "b l l pair_width"],
        rotations: Float[Tensor, "b l 3 3"],
        places: Float[Tensor, "b l 3"],
        there: Bool[Tensor, "b l"],
    ) -> Float[Tensor, "b l width"]:
        samples, length, _ = h.shape
        q, k, v = self.qkv(h).view(samples, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        local = self.points(h).view(samples, length, -1, 3)
        points = local @ rotations.transpose(-1, -2) + places[:, :, None]
        p = self.query_points
        mine, theirs, told = (
            points.view(samples, length, self.heads, -1, 3).transpose(1, 2).split([p, p, self.value_points], 3)
        )
        # A third of the logits' variance each; 4.5 is that of |a − b|²/2 of points with unit normal coordinates.
        scale = softplus(self.nearness)[:, None, None] / math.sqrt(3 * 4.5 * p)
        mine, theirs = (x.flatten(3) * scale.sqrt() for x in (mine, theirs))
        channels = q.shape[-1]
        query = torch.cat([q / math.sqrt(3 * channels), mine], dim=-1)
        key = torch.cat([k, theirs], dim=-1)
        bias = self.pair(pair).permute(0, 3, 1, 2) / math.sqrt(3) - 0.5 * theirs.square().sum(-1)[:, :, None]
        logits = query @ key.transpose(-1, -2) + bias.masked_fill(~there[:, None, None], -1e9)
        weights = logits.softmax(-1)
        gathered = weights @ torch.cat([v, told.flatten(3)], dim=-1)
        features, found = gathered.split([channels, 3 * self.value_points], dim=-1)
        found = found.transpose(1, 2).reshape(samples, length, -1, 3) - places[:, :, None]
        found = found @ rotations  # into the frame of the residue
        size = torch.linalg.vector_norm(found + 1e-8, dim=-1)
        pairs = torch.einsum("bhij,bijc->bihc", weights, pair).flatten(2)
        return self.out(torch.cat([features.transpose(1, 2).flatten(2), found.flatten(2), size, pairs], dim=-1))
