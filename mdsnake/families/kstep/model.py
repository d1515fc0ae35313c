"""The learned jump: members `egnn` and `transformer-egnn`.

A jump of length τ − δ stands between the two halves of a Verlet step of length δ (`hybrid.py`).  With L layers
and s = (τ − δ)/L it reads

    x ← x + s/2 v;  then L times  v ← v + s [α F₀/m + g(x, v, F₀)],  x ← x + s v  (s/2 the last time),

where F₀ is the true force at the start and g a sum of pair forces.  Outputs are norm-clamped for each atom, and
the centre of mass moves as it would freely.
"""

from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Batch

from mdsnake.families.base import Family, Symmetry
from mdsnake.families.kstep.config import Jump, LossWeights, Network
from mdsnake.families.kstep.layers import ANGLE_SCALE, BOND_SCALE, AtomAttention, KickLayer, embeddings, pair_geometry
from mdsnake.families.kstep.objective import jump_loss
from mdsnake.nn.mlp import mlp
from mdsnake.nn.segments import remove_net_momentum, segment_sum


class KstepModel(Family):
    """Predicts displacement and change of velocity over τ − δ.

    Parameters
    ----------
    network : architecture
    jump : engine, lag and corrector that the model is for
    weights : of the objective's parts
    """

    symmetry: ClassVar[Symmetry] = "E3"

    def __init__(self, network: Network, jump: Jump, weights: LossWeights | None = None) -> None:
        super().__init__()
        self.network, self.jump, self.weights = network, jump, weights or LossWeights()
        width = network.width
        self.atom_embedding, self.pair_embedding = embeddings(width)
        self.state = mlp(3, width, width)
        self.attention = nn.ModuleList(
            AtomAttention(width, network.heads) for _ in range(network.layers if network.kind != "egnn" else 0)
        )
        self.kicks = nn.ModuleList(
            KickLayer(width, network.radial_functions, network.cutoff_nm) for _ in range(network.layers)
        )
        self.carried = nn.Parameter(torch.linspace(1.0, 0.0, network.layers + 1)[:-1])
        self.force_head = KickLayer(width, network.radial_functions, network.cutoff_nm)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Displacement (A, 3) nm, velocity change (A, 3) nm/ps, and force at the end (A, 3) kJ/mol/nm."""
        x0, v0, mass, pairs = batch.positions, batch.velocities, batch.masses[:, None], batch.pair_index
        acceleration = batch.forces / mass
        time = self.jump.lag_ps - self.jump.corrector_fs * 1e-3
        step = time / self.network.layers
        size = len(batch.ptr) - 1
        h = self.atom_embedding(batch.atoms) + self.state(_atom_invariants(v0, acceleration, batch.masses))
        pair = self.pair_embedding(batch.pair_classes)
        scale = torch.where(batch.pair_classes[:, 0] == 0, BOND_SCALE, ANGLE_SCALE)
        x, v = x0 + 0.5 * step * v0, v0
        for layer, kick in enumerate(self.kicks):
            if self.attention:
                h = self.attention[layer](h, batch.ptr)
            geometry = pair_geometry(x, v, acceleration, pairs, batch.rest, scale)
            h, push = kick(h, pair, geometry, pairs)
            v = v + step * (self.carried[layer] * acceleration + _net(push, geometry[0], pairs, len(x)) / mass)
            x = x + (step if layer < len(self.kicks) - 1 else 0.5 * step) * v
        geometry = pair_geometry(x, v, acceleration, pairs, batch.rest, scale)
        _, push = self.force_head(h, pair, geometry, pairs)
        change = _clamp(v - v0, self.network.max_velocity_change_nm_per_ps)
        beyond = _clamp(x - x0 - time * v0, self.network.max_displacement_nm)
        return {
            "displacement": time * v0 + remove_net_momentum(beyond, batch.masses, batch.batch, size),
            "velocity_change": remove_net_momentum(change, batch.masses, batch.batch, size),
            "force": _net(push, geometry[0], pairs, len(x)),
        }

    def loss(self, batch: Batch, generator: Generator) -> dict[str, Tensor]:
        return jump_loss(self(batch), batch, self.weights, self.jump.temperature_K)

    @torch.no_grad()
    def sample(self, context: Batch, generator: Generator, **options: Any) -> dict[str, Tensor]:
        """The jump is deterministic: the generator is not used."""
        return self(context)


def freeze(model: KstepModel, layers: int) -> None:
    """Hold the embeddings and the first `layers` layers where they are."""
    if layers == 0:
        return
    fixed = [model.atom_embedding, model.pair_embedding, model.state]
    fixed += [*model.kicks[:layers], *model.attention[:layers]]
    for module in fixed:
        module.requires_grad_(False)


def _atom_invariants(v: Tensor, acceleration: Tensor, masses: Tensor) -> Tensor:
    """Speed, size of the acceleration and the work the force does, scaled, (A, 3)."""
    power = (v * acceleration).sum(-1)
    return torch.stack(
        [v.square().sum(-1), 1e-4 * acceleration.square().sum(-1), 1e-2 * power], dim=-1
    ).clamp(-10, 10)


def _net(push: Tensor, direction: Tensor, pairs: Tensor, size: int) -> Tensor:
    """Net force (A, 3) of pair pushes (P,) along directions (P, 3): equal and opposite."""
    force = push[:, None] * direction
    return segment_sum(torch.cat([force, -force]), torch.cat([pairs[0], pairs[1]]), size)


def _clamp(vectors: Tensor, longest: float) -> Tensor:
    """Each vector of (A, 3) shortened to at most `longest`, its direction kept."""
    length = (vectors.square().sum(-1, keepdim=True) + 1e-24).sqrt()
    return vectors * (longest / length).clamp(max=1.0)
