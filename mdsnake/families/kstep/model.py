"""The learned jump: members `egnn` and `transformer-egnn`.

A jump of lag τ is an integration with n drifts and a learned force g, put between two half-kicks of the true force F.
The half-kicks carry what g lacks of F, as in r-RESPA (Tuckerman, Berne & Martyna, J. Chem. Phys. 97, 1990 (1992)):

    v ← v + τ/2 F(x)/m                                             half-step of physics
    v ← v + τ (b₀ − ½) g(x)/m
    x ← x + τ aᵢ v,  v ← v + τ bᵢ g(x)/m                           i = 1 … n − 1
    x ← x + τ aₙ v
    v ← v + τ (bₙ − ½) g(x)/m
    v ← v + τ/2 F(x)/m                                             half-step of physics

with the shares a of the drifts and b of the kicks from `splitting`.  Every line is a shear and the word reads the same
from both ends, so the jump is reversible and keeps volume whatever the network; what g has wrong of an unseen
molecule's mean force cancels between the ends and the middle.  Forces depend on positions alone.  Rigid bonds are
held by SHAKE after every drift and RATTLE after every kick, which keeps both properties.  Positions and velocities
are integrated in double precision, networks run in their own.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, ClassVar, NamedTuple, cast

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
    Geometry,
    PairLayer,
    embeddings,
    stiffness_scale,
)
from mdsnake.families.kstep.objective import force_loss, jump_loss
from mdsnake.families.kstep.splitting import splitting
from mdsnake.nn.constraints import rattle, shake
from mdsnake.nn.segments import remove_net_momentum


class Known(NamedTuple):
    """What does not depend on positions: features of the atoms, what each layer knows of the pairs of each molecule,
    the number of these pairs and of the molecule's samples; and of the pairs of all samples the distance at rest in nm,
    and the scale of the stretch in 1/nm."""

    h: Float[Tensor, "atoms width"]
    layers: list[Chemistry]
    parts: list[tuple[int, int]]
    rest: Float[Tensor, " pairs"]
    softness: Float[Tensor, " pairs"]


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
        self.drifts, self.kicks = splitting(network.drifts(jump.lag_ps, jump.constraints))
        width, radial = network.width, network.radial_functions
        self.atom_embedding, self.pair_embedding = embeddings(width)
        self.bonds = nn.ModuleList(BondLayer(width) for _ in range(network.bond_layers))
        self.geometry = Geometry(radial, network.cutoff_nm)
        self.layers = nn.ModuleList(
            PairLayer(width, radial, first=index == 1, last=index == network.layers)
            for index in range(1, network.layers + 1)
        )
        attentions = network.layers if network.kind == "transformer-egnn" else 0
        self.attention = nn.ModuleList(AtomAttention(width, network.heads) for _ in range(attentions))

    def chemistry(self, batch: Batch) -> Known:
        """From the bond graph of each molecule, computed once and handed to all of its samples."""
        h, pair = self.atom_embedding(batch.atoms), self.pair_embedding(batch.pair_classes)
        for bond in self.bonds:
            h = bond(h, pair, batch.pairs)
        if self.attention:
            h = self.attention[0](h, batch.molecule_ptr)
        layers = [layer.chemistry(h, pair, batch.pairs) for layer in cast(Iterable[PairLayer], self.layers)]
        parts, row = [(p, n) for p, n in batch.parts.tolist()], batch.pair_row
        scale = stiffness_scale(batch.rest, batch.pair_classes)
        return Known(h[batch.atom_row], layers, parts, batch.rest[row], scale[row])

    def forces(self, batch: Batch, x: Float[Tensor, "atoms 3"], known: Known) -> Float[Tensor, "atoms 3"]:
        """The learned force g in kJ/mol/nm at x in nm."""
        h = known.h
        pairs = self.geometry(x, batch.pair_index, known.rest, known.softness, h.dtype)
        push = torch.zeros((), dtype=h.dtype, device=h.device)
        length = len(x) // known.parts[0][1] if len(known.parts) == 1 else None
        for index, layer in enumerate(self.layers):
            if self.attention and index:
                h = self.attention[index](h, batch.ptr, length)
            h, more = layer(h, known.layers[index], pairs, known.parts)
            push = push + more
        force = (FORCE_SCALE * push).to(x) * pairs.direction
        zero = torch.zeros_like(x)
        return zero.index_add(0, pairs.atoms[0], force).index_add(0, pairs.atoms[1], force, alpha=-1)

    def forward(
        self,
        batch: Batch,
        chemistry: Known | None = None,
        start: Float[Tensor, "atoms 3"] | None = None,
        kicked: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]] | None = None,
    ) -> dict[str, Tensor]:
        """Displacement (A, 3) nm and change of velocity (A, 3) nm/ps between the half-kicks of the true force.

        `batch.velocities` are those after the first half-kick.  Also `start_force` and `end_force` (A, 3) in
        kJ/mol/nm: g at both ends.  `chemistry`, and `start` for the start force, may be handed in where they are known
        from an earlier call; so may `kicked` for this batch, where it was compiled, which has no gradients.
        """
        known, tau = chemistry or self.chemistry(batch), self.jump.lag_ps
        kicked = kicked or partial(self.kicked, batch, known=known)
        x = begin = batch.positions.double()
        v = batch.velocities.double()
        shares = (self.kicks[0] - 0.5, *self.kicks[1:-1], self.kicks[-1] - 0.5)  # between half-kicks of the true force
        first, *kicks, last = tau * x.new_tensor(shares)[:, None]
        if start is None:
            v, start = kicked(x, v, first)
        else:
            v = self._pushed(batch, v, start, first)
        v = self._hold(batch, x, v)
        for drift, kick in zip(self.drifts, kicks, strict=False):
            x, v = self._drift(batch, x, v, tau * drift)
            v = self._hold(batch, x, kicked(x, v, kick)[0])
        x, v = self._drift(batch, x, v, tau * self.drifts[-1])
        displacement = x - begin
        x = begin + displacement  # to the last bit where the next jump starts, so that the force there may be handed in
        v, end = kicked(x, v, last)
        v = self._hold(batch, x, v)
        outputs = {"displacement": displacement, "velocity_change": v - batch.velocities}
        return {name: value.to(batch.positions) for name, value in outputs.items()} | {
            "start_force": start,
            "end_force": end,
        }

    def _drift(
        self, batch: Batch, x: Float[Tensor, "atoms 3"], v: Float[Tensor, "atoms 3"], step: float
    ) -> tuple[Float[Tensor, "atoms 3"], Float[Tensor, "atoms 3"]]:
        """Positions `step` ps on, and the velocities that took them there; rigid bonds keep their length."""
        moved = x + step * v
        if self.jump.constraints == "none":
            return moved, v
        held = shake(moved, x, batch.rigid, batch.rigid_lengths.to(x), 1 / batch.masses.to(x))
        return held, v + (held - moved) / step

    def kicked(
        self,
        batch: Batch,
        x: Float[Tensor, "atoms 3"],
        v: Float[Tensor, "atoms 3"],
        time: Float[Tensor, "1"],
        known: Known,
    ) -> tuple[Float[Tensor, "atoms 3"], Float[Tensor, "atoms 3"]]:
        """Velocities after `time` ps of the learned force g at x, and g."""
        force = self.forces(batch, x, known)
        return self._pushed(batch, v, force, time), force

    def _pushed(
        self, batch: Batch, v: Float[Tensor, "atoms 3"], force: Float[Tensor, "atoms 3"], time: Float[Tensor, "1"]
    ) -> Float[Tensor, "atoms 3"]:
        """Velocities after `time` ps of `force`.

        The acceleration's norm is clamped for each atom: a function of positions alone.  Total momentum is kept.
        """
        masses = batch.masses.to(force)
        acceleration = force / masses[:, None]
        largest = self.network.max_kick_nm_per_ps * len(self.drifts) / self.jump.lag_ps
        length = (acceleration.square().sum(-1, keepdim=True) + 1e-12).sqrt()
        acceleration = acceleration * (largest / length).clamp(max=1.0)
        return v + time * remove_net_momentum(acceleration, masses, batch.batch, len(batch.ptr) - 1)

    def _hold(self, batch: Batch, x: Float[Tensor, "atoms 3"], v: Float[Tensor, "atoms 3"]) -> Float[Tensor, "atoms 3"]:
        """Velocities at x without their part along rigid bonds."""
        return v if self.jump.constraints == "none" else rattle(v, x, batch.rigid, 1 / batch.masses.to(x))

    def loss(self, batch: Batch, generator: Generator) -> dict[str, Tensor]:
        known = self.chemistry(batch)
        if "target_positions" not in batch:
            return force_loss(self.forces(batch, batch.positions, known), batch, self.weights)
        at_target = self.forces(batch, batch.target_positions, known)
        return jump_loss(self(batch, known), at_target, batch, self.weights, self.jump, self._hold)

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
