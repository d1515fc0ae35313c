"""The objective of a learned jump: how far its end is from the true one, in the units that matter.

Velocities are compared by kinetic energy over kT, positions on a scale of 1 pm, and both together by the change
of total energy that they cause to second order, (−F̄·δx + m v₁·δv + ½ m δv²)/kT: a jump may err along directions
that cost nothing, and a later acceptance test depends on this number alone.  Forces are compared by the power that
their error has at thermal velocities, |δF|²/m.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch_geometric.data import Batch

from mdsnake.families.kstep.config import Jump, LossWeights
from mdsnake.families.kstep.corrector import half_kick
from mdsnake.families.kstep.layers import FORCE_SCALE
from mdsnake.nn.segments import segment_mean, segment_sum
from mdsnake.units import BOLTZMANN

PICOMETRE = 1e-3  # nm
ANGLE_SCALE = 0.02  # rad
VELOCITY_SCALE = 10.0  # kinetic errors well above kT over this count by their logarithm


def jump_loss(
    prediction: dict[str, Tensor],
    force_at_target: Float[Tensor, "atoms 3"],
    batch: Batch,
    weights: LossWeights,
    jump: Jump,
    hold: Callable[[Batch, Tensor, Tensor], Tensor],
) -> dict[str, Float[Tensor, ""]]:
    """Weighted parts and their sum, each a scalar.

    Parameters
    ----------
    prediction : outputs of the model for `batch`
    force_at_target : kJ/mol/nm, the learned force g at the true end.  The true force at the predicted end,
        which the last half-kick needs, is F₁ + g(x) − g(x₁) to first order
    batch : `positions` nm; `velocities` nm/ps after the first half-kick; `forces` kJ/mol/nm; and of the true end
        `target_positions`, `target_velocities`, `target_forces`, all (A, 3)
    hold : (batch, x, v) → velocities without their part along rigid bonds
    """
    size, index, mass = len(batch.ptr) - 1, batch.batch, batch.masses[:, None]
    kT = BOLTZMANN * jump.temperature_K
    start, end = prediction["start_force"], prediction["end_force"]
    x = batch.positions + prediction["displacement"]
    force_there = batch.target_forces + end - force_at_target
    closing = half_kick(force_there, mass, jump.lag_ps)
    dx = x - batch.target_positions
    dv = hold(batch, x, batch.velocities + prediction["velocity_change"] + closing) - batch.target_velocities
    kinetic = segment_mean((mass * dv.square()).sum(-1), index, size) / (3 * kT)
    position = segment_mean(dx.square().sum(-1), index, size) / (3 * PICOMETRE**2)
    work = mass * (batch.target_velocities + 0.5 * dv) * dv - 0.5 * (batch.target_forces + force_there) * dx
    energy = segment_sum(work.sum(-1), index, size) / kT
    power = _power_error(start - batch.forces, mass) + _power_error(force_at_target - batch.target_forces, mass)
    parts = {
        "velocity": weights.velocity * torch.log1p(VELOCITY_SCALE * kinetic).mean() / VELOCITY_SCALE,
        "position": weights.position * torch.log1p(position).mean(),
        "energy": weights.energy * torch.log1p(energy.square()).mean(),
        "force": weights.force * 0.5 * power,
    }
    for name, (measure, scale) in STRUCTURE.items():
        atoms, weight = batch[f"{name}s"], getattr(weights, name)
        parts[name] = x.new_zeros(())
        if weight and atoms.shape[1]:
            difference = (measure(x, atoms) - measure(batch.target_positions, atoms)) / scale
            parts[name] = weight * torch.log1p(difference.square()).mean()
    return {"loss": torch.stack(list(parts.values())).sum(), **parts}


def force_loss(force: Float[Tensor, "atoms 3"], batch: Batch, weights: LossWeights) -> dict[str, Float[Tensor, ""]]:
    """The match of the learned `force` to the true one alone, in parts named as those of a jump."""
    matched = weights.force * _power_error(force - batch.forces, batch.masses[:, None])
    others = {name: force.new_zeros(()) for name in ("velocity", "position", "energy", *STRUCTURE)}
    return {"loss": matched, "force": matched, **others}


def _power_error(error: Float[Tensor, "atoms 3"], mass: Float[Tensor, "atoms 1"]) -> Float[Tensor, ""]:
    return ((error / FORCE_SCALE).square() / mass).mean()


def _lengths(x: Float[Tensor, "atoms 3"], atoms: Int[Tensor, "2 m"]) -> Float[Tensor, " m"]:
    return (x[atoms[0]] - x[atoms[1]]).norm(dim=-1)


def _cosines(x: Float[Tensor, "atoms 3"], atoms: Int[Tensor, "3 m"]) -> Float[Tensor, " m"]:
    return torch.nn.functional.cosine_similarity(x[atoms[0]] - x[atoms[1]], x[atoms[2]] - x[atoms[1]], dim=-1)


def _normals(x: Float[Tensor, "atoms 3"], atoms: Int[Tensor, "4 m"]) -> Float[Tensor, "m 2"]:
    """Cosine and sine of each dihedral: smooth where the angle jumps, 0 where three atoms are in line."""
    b1, b2, b3 = x[atoms[1]] - x[atoms[0]], x[atoms[2]] - x[atoms[1]], x[atoms[3]] - x[atoms[2]]
    n1, n2 = torch.cross(b1, b2, dim=-1), torch.cross(b2, b3, dim=-1)
    scale = (n1.square().sum(-1) * n2.square().sum(-1) + 1e-12).sqrt()
    return torch.stack([(n1 * n2).sum(-1), (b1 * n2).sum(-1) * b2.norm(dim=-1)], dim=-1) / scale[:, None]


#: Internal coordinates that a jump is judged by, and the scale on which they count.
STRUCTURE = {"bond": (_lengths, PICOMETRE), "angle": (_cosines, ANGLE_SCALE), "dihedral": (_normals, ANGLE_SCALE)}
