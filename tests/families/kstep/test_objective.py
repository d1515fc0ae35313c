import pytest
import torch
from torch import Tensor
from torch_geometric.data import Batch

from mdsnake.families.kstep.config import LossWeights
from mdsnake.families.kstep.corrector import half_kick
from mdsnake.families.kstep.objective import jump_loss
from mdsnake.nn.rotations import random_rotations
from mdsnake.units import BOLTZMANN
from tests.families.kstep.toys import JUMP, doubled, toy_batch

PARTS = ("velocity", "position", "energy", "force", "bond", "angle", "dihedral")
ONLY_ENERGY = LossWeights(**(dict.fromkeys(PARTS, 0.0) | {"energy": 1.0}))
KT = BOLTZMANN * JUMP.temperature_K


def exact(batch: Batch) -> dict[str, Tensor]:
    """The prediction that ends where the truth does."""
    closing = half_kick(batch.target_forces, batch.masses[:, None], JUMP.lag_ps)
    return {
        "displacement": batch.target_positions - batch.positions,
        "velocity_change": batch.target_velocities - closing - batch.velocities,
        "start_force": batch.forces,
        "end_force": batch.target_forces,
    }


def loss(prediction: dict[str, Tensor], batch: Batch, weights: LossWeights | None = None) -> dict[str, Tensor]:
    return jump_loss(prediction, batch.target_forces, batch, weights or LossWeights(), JUMP, lambda batch, x, v: v)


@pytest.fixture
def batch() -> Batch:
    return doubled(toy_batch("CH3OH", "C2H6"))


def test_the_exact_answer_costs_nothing(batch: Batch) -> None:
    parts = loss(exact(batch), batch)
    assert set(parts) == {"loss", *PARTS}
    assert all(abs(float(part)) < 1e-12 for part in parts.values())


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("displacement", ("position", "energy", "bond", "angle", "dihedral")),
        ("velocity_change", ("velocity", "energy")),
        ("start_force", ("force",)),
        ("end_force", ("velocity", "energy")),
    ],
)
def test_each_part_judges_its_own_error(batch: Batch, name: str, moved: tuple[str, ...]) -> None:
    prediction, noise = exact(batch), torch.randn(batch.num_nodes, 3, generator=torch.Generator().manual_seed(0))
    change = noise.double() * {"displacement": 1e-3, "velocity_change": 0.1}.get(name, 100.0)
    prediction[name] = prediction[name] + change
    parts = loss(prediction, batch)
    assert {part for part in PARTS if parts[part] > 1e-9} == set(moved)
    assert float(parts["loss"]) == pytest.approx(sum(float(parts[part]) for part in PARTS))


def test_the_energy_part_is_the_change_of_energy_of_a_harmonic_system() -> None:
    batch, stiffness = doubled(toy_batch("CH3OH", n=1)), 5e4
    centre = batch.positions.clone()
    batch.target_forces = -stiffness * (batch.target_positions - centre)
    generator = torch.Generator().manual_seed(0)
    dx, dv = (size * torch.randn(6, 3, generator=generator).double() for size in (1e-3, 0.05))

    def energy(x: Tensor, v: Tensor) -> Tensor:
        return 0.5 * stiffness * (x - centre).square().sum() + 0.5 * (batch.masses[:, None] * v.square()).sum()

    for scale in (1.0, 1e-2):
        prediction, more = exact(batch), -scale * stiffness * dx
        prediction["displacement"] = prediction["displacement"] + scale * dx
        prediction["end_force"] = prediction["end_force"] + more
        closing = half_kick(more, batch.masses[:, None], JUMP.lag_ps)
        prediction["velocity_change"] = prediction["velocity_change"] + scale * dv - closing
        x1, v1 = batch.target_positions, batch.target_velocities
        change = energy(x1 + scale * dx, v1 + scale * dv) - energy(x1, v1)
        found = torch.expm1(loss(prediction, batch, ONLY_ENERGY)["energy"]).sqrt() * KT
        assert float(found) == pytest.approx(abs(float(change)), rel=1e-6)


def test_the_last_half_kick_takes_the_force_where_the_jump_ends(batch: Batch) -> None:
    stiffness, prediction = 5e4, exact(batch)
    shift = 1e-3 * torch.randn(batch.num_nodes, 3, generator=torch.Generator().manual_seed(0)).double()
    prediction["displacement"] = prediction["displacement"] + shift
    there = batch.target_forces - stiffness * shift  # the true force of a harmonic system at the predicted end
    prediction["end_force"] = there
    kick = half_kick(there - batch.target_forces, batch.masses[:, None], JUMP.lag_ps)
    prediction["velocity_change"] = prediction["velocity_change"] - kick
    assert float(loss(prediction, batch)["velocity"]) < 1e-12


def test_structural_parts_do_not_see_a_rigid_motion(batch: Batch) -> None:
    turn = random_rotations(1, torch.Generator().manual_seed(0))[0].double()
    prediction = exact(batch)
    prediction["displacement"] = batch.target_positions @ turn.T + 0.3 - batch.positions
    parts = loss(prediction, batch)
    assert all(abs(float(parts[name])) < 1e-6 for name in ("bond", "angle", "dihedral"))
    assert parts["position"] > 1


def test_a_molecule_without_dihedrals_has_none_to_judge() -> None:
    batch = doubled(toy_batch("H2O"))
    prediction = exact(batch) | {"displacement": torch.zeros_like(batch.positions)}
    parts = loss(prediction, batch)
    assert float(parts["dihedral"]) == 0
    assert parts["angle"] > 0


def test_weights_scale_the_parts(batch: Batch) -> None:
    prediction = {name: torch.zeros_like(value) for name, value in exact(batch).items()}
    plain = loss(prediction, batch, LossWeights(**dict.fromkeys(PARTS, 1.0)))
    double = loss(prediction, batch, LossWeights(**dict.fromkeys(PARTS, 2.0)))
    for name in PARTS:
        assert plain[name] > 0
        torch.testing.assert_close(double[name], 2 * plain[name])
