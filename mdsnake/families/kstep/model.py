"""The learned jump: members `egnn` and `transformer-egnn`.

A jump of lag τ = n s is a Verlet integration with n steps of a learned force g, put between two half-kicks of the
true force F.  The half-kicks carry what g lacks of F, as in r-RESPA (Tuckerman, Berne & Martyna, J. Chem. Phys. 97,
1990 (1992)):

    v ← v + τ/2 F(x)/m                                             half-step of physics
    v ← v + [s/2 g₀(x) − τ/2 g(x)]/m
    n times  x ← x + s v,  v ← v + s gᵢ(x)/m                       (the last kick is the first one's mirror image)
    v ← v + [s/2 g₀(x) − τ/2 g(x)]/m
    v ← v + τ/2 F(x)/m                                             half-step of physics

with gᵢ = g + eᵢ, eᵢ = e_{n−i} small corrections for the length of s.  Every line is a shear and the word reads the
same from both ends, so the jump is reversible and keeps volume whatever the network; what g has wrong of an unseen
molecule's mean force cancels between the ends and the middle.  Forces depend on positions alone.  Rigid bonds are
held by SHAKE after every drift and RATTLE after every kick, which keeps both properties.  Positions and velocities
are integrated in double precision, networks run in their own.
"""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch_geometric.data import Batch

from mdsnake.families.base import Family, Symmetry
from mdsnake.families.kstep.config import Jump, LossWeights, Network
from mdsnake.families.kstep.layers import (
    FORCE_SCALE,
    AtomAttention,
    BondLayer,
    Chemistry,
    PairLayer,
    embeddings,
    pair_geometry,
)
from mdsnake.families.kstep.objective import jump_loss
from mdsnake.nn.constraints import rattle, shake
from mdsnake.nn.segments import remove_net_momentum, segment_sum

MEAN_AND_FIRST = (0, 1)  # variants: g and g₀


class KstepModel(Family):
    """Predicts displacement and change of velocity of a jump.

    Parameters
    ----------
    network : architecture
    jump : engine and lag that the model is for
    weights : of the objective's parts
    """

    symmetry: ClassVar[Symmetry] = "E3"

    def __init__(self, network: Network, jump: Jump, weights: LossWeights | None = None) -> None:
        super().__init__()
        self.network, self.jump, self.weights = network, jump, weights or LossWeights()
        width, variants = network.width, 2 + network.drifts // 2
        self.atom_embedding, self.pair_embedding = embeddings(width)
        self.bonds = nn.ModuleList(BondLayer(width) for _ in range(network.bond_layers))
        self.layers = nn.ModuleList(
            PairLayer(width, network.radial_functions, network.cutoff_nm, variants, last=index == network.layers)
            for index in range(1, network.layers + 1)
        )
        attentions = network.layers if network.kind == "transformer-egnn" else 0
        self.attention = nn.ModuleList(AtomAttention(width, network.heads) for _ in range(attentions))

    def chemistry(self, batch: Batch) -> tuple[Float[Tensor, "atoms width"], list[Chemistry]]:
        """What does not depend on positions: atom features and each layer's knowledge of the pairs."""
        h, pair, atoms = self.atom_embedding(batch.atoms), self.pair_embedding(batch.pair_classes), batch.pair_index
        for bond in self.bonds:
            h = bond(h, pair, atoms)
        if self.attention:
            h = self.attention[0](h, batch.ptr)
        return h, [layer.chemistry(h, pair, atoms) for layer in cast(Iterable[PairLayer], self.layers)]

    def forces(
        self,
        batch: Batch,
        x: Float[Tensor, "atoms 3"],
        chemistry: tuple[Tensor, list[Chemistry]],
        wanted: Sequence[int],
    ) -> Float[Tensor, "atoms wanted 3"]:
        """Learned forces in kJ/mol/nm at x in nm: variant 0 is g, 1 is g₀, 2 is g₁, … up to the middle."""
        h, known = chemistry
        pairs = pair_geometry(x, batch.pair_index, batch.rest, batch.pair_classes, h.dtype)
        pushes = []
        for index, layer in enumerate(self.layers):
            if self.attention and index:
                h = self.attention[index](h, batch.ptr)
            h, push = layer(h, known[index], pairs, wanted)
            pushes.append(push)
        force = FORCE_SCALE * torch.stack(pushes).sum(0).to(x)[:, :, None] * pairs.direction[:, None]
        return segment_sum(torch.cat([force, -force]), pairs.atoms.flatten(), len(x))

    def forward(self, batch: Batch, chemistry: tuple[Tensor, list[Chemistry]] | None = None) -> dict[str, Tensor]:
        """Displacement (A, 3) nm and change of velocity (A, 3) nm/ps between the half-kicks of the true force.

        `batch.velocities` are those after the first half-kick.  Also `mean_force` (A, 2, 3) kJ/mol/nm: g at the
        start and at the end.  `chemistry` may be handed in where it is known from an earlier call.
        """
        chemistry = chemistry or self.chemistry(batch)
        n, tau = self.network.drifts, self.jump.lag_ps
        step = tau / n
        x, v = batch.positions.double(), batch.velocities.double()
        start = self.forces(batch, x, chemistry, MEAN_AND_FIRST)
        v = self._hold(batch, x, v + self._kick(batch, 0.5 * step * start[:, 1] - 0.5 * tau * start[:, 0]))
        for i in range(1, n):
            x, v = self._drift(batch, x, v, step)
            g = self.forces(batch, x, chemistry, [1 + min(i, n - i)])
            v = self._hold(batch, x, v + self._kick(batch, step * g[:, 0]))
        x, v = self._drift(batch, x, v, step)
        end = self.forces(batch, x, chemistry, MEAN_AND_FIRST)
        v = self._hold(batch, x, v + self._kick(batch, 0.5 * step * end[:, 1] - 0.5 * tau * end[:, 0]))
        outputs = {
            "displacement": x - batch.positions,
            "velocity_change": v - batch.velocities,
            "mean_force": torch.stack([start[:, 0], end[:, 0]], dim=1),
        }
        return {name: value.to(batch.positions) for name, value in outputs.items()}

    def _drift(
        self, batch: Batch, x: Float[Tensor, "atoms 3"], v: Float[Tensor, "atoms 3"], step: float
    ) -> tuple[Float[Tensor, "atoms 3"], Float[Tensor, "atoms 3"]]:
        """Positions `step` ps on, and the velocities that took them there; rigid bonds keep their length."""
        moved = x + step * v
        if self.jump.constraints == "none":
            return moved, v
        held = shake(moved, x, batch.rigid, batch.rigid_lengths.to(x), 1 / batch.masses.to(x))
        return held, v + (held - moved) / step

    def _hold(self, batch: Batch, x: Float[Tensor, "atoms 3"], v: Float[Tensor, "atoms 3"]) -> Float[Tensor, "atoms 3"]:
        """Velocities at x without their part along rigid bonds."""
        return v if self.jump.constraints == "none" else rattle(v, x, batch.rigid, 1 / batch.masses.to(x))

    def _kick(self, batch: Batch, impulse: Float[Tensor, "atoms 3"]) -> Float[Tensor, "atoms 3"]:
        """Change of velocity by an impulse, norm-clamped for each atom; total momentum is kept."""
        masses = batch.masses.to(impulse)
        kick = impulse / masses[:, None]
        length = (kick.square().sum(-1, keepdim=True) + 1e-12).sqrt()
        kick = kick * (self.network.max_kick_nm_per_ps / length).clamp(max=1.0)
        return remove_net_momentum(kick, masses, batch.batch, len(batch.ptr) - 1)

    def loss(self, batch: Batch, generator: Generator) -> dict[str, Tensor]:
        chemistry = self.chemistry(batch)
        at_target = self.forces(batch, batch.target_positions, chemistry, [0])[:, 0]
        return jump_loss(self(batch, chemistry), at_target, batch, self.weights, self.jump, self._hold)

    @torch.no_grad()
    def sample(self, context: Batch, generator: Generator, **options: Any) -> dict[str, Tensor]:
        """The outputs of `forward`; a jump is deterministic, so the generator is not used."""
        return self(context, **options)


def freeze(model: KstepModel, layers: int) -> None:
    """Hold the embeddings, the bond layers and the first `layers` layers where they are."""
    if layers == 0:
        return
    chemistry = (model.atom_embedding, model.pair_embedding, model.bonds)
    for module in (*chemistry, *model.layers[:layers], *model.attention[:layers]):
        module.requires_grad_(False)
