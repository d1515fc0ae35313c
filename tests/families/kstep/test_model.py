import pytest
import torch
from torch import Tensor
from torch_geometric.data import Batch

from mdsnake.families.kstep.corrector import half_kick
from mdsnake.families.kstep.model import KstepModel, freeze
from mdsnake.families.kstep.splitting import splitting
from mdsnake.nn.constraints import rattle
from mdsnake.nn.segments import segment_sum
from tests.families.kstep.toys import JUMP, KINDS, RIGID, doubled, network, stirred, toy_batch, toy_model


def true_force(x: Tensor) -> Tensor:
    """A smooth force field that no network knows."""
    return -2e4 * x - 3e6 * x**3 + 500 * torch.sin(40 * x.roll(1, dims=0))


def whole_jump(model: KstepModel, batch: Batch, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Half-kick, jump, half-kick."""
    batch, mass = batch.clone(), batch.masses[:, None]
    batch.positions, batch.velocities = x, v + half_kick(true_force(x), mass, JUMP.lag_ps)
    out = model(batch)
    x = x + out["displacement"]
    v = batch.velocities + out["velocity_change"] + half_kick(true_force(x), mass, JUMP.lag_ps)
    return x, rattle(v, x, batch.rigid, 1 / batch.masses) if model.jump.constraints == "hbonds" else v


@pytest.mark.parametrize("kind", KINDS)
def test_learned_forces_conserve_momentum(kind: str) -> None:
    batch = toy_batch("H2O", "CH3OH", "C2H6")
    out = stirred(toy_model(kind), size=0.2).sample(batch, torch.Generator())
    mass = batch.masses[:, None]
    change = segment_sum(mass * out["velocity_change"], batch.batch, batch.num_graphs).norm(dim=-1)
    size = segment_sum((mass * batch.velocities).norm(dim=-1), batch.batch, batch.num_graphs)
    assert (mass * out["velocity_change"]).norm(dim=-1).max() > size.max() / 10
    assert (change / size).max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_learned_forces_conserve_angular_momentum(kind: str) -> None:
    model = stirred(toy_model(kind, max_kick_nm_per_ps=1e6)).double()
    batch = doubled(toy_batch("H2O", "CH3OH", "C2H6"))
    out = model.sample(batch, torch.Generator())

    def angular(x: Tensor, v: Tensor) -> Tensor:
        return segment_sum(batch.masses[:, None] * torch.linalg.cross(x, v), batch.batch, batch.num_graphs)

    before = angular(batch.positions, batch.velocities)
    after = angular(batch.positions + out["displacement"], batch.velocities + out["velocity_change"])
    assert out["velocity_change"].abs().max() > 0.1
    torch.testing.assert_close(after, before, rtol=1e-9, atol=1e-9)


def test_a_kick_is_bounded_for_each_atom() -> None:
    batch, limit = toy_batch("CH3OH"), 0.01
    free, clamped = (
        stirred(toy_model(max_kick_nm_per_ps=size)).sample(batch, torch.Generator())["velocity_change"].norm(dim=-1)
        for size in (1e6, limit)
    )
    steps = 2 * toy_model().network.drifts(JUMP.lag_ps, "none")  # of the integration, and of the half-kicks around it
    assert free.max() > 2 * steps * limit
    assert 0 < clamped.max() < 2 * steps * limit  # twice, since the mean motion is taken off after the clamp


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("drift_fs", "limit"), [(1.4, 20.0), (0.7, 20.0), (0.7, 0.1)])
def test_a_jump_is_reversible(kind: str, drift_fs: float, limit: float) -> None:
    model = stirred(toy_model(kind, drift_fs=drift_fs, max_kick_nm_per_ps=limit), size=0.1).double()
    batch = doubled(toy_batch("H2O", "CH3OH"))
    x, v = batch.positions, batch.velocities
    with torch.no_grad():
        x1, v1 = whole_jump(model, batch, x, v)
        x2, v2 = whole_jump(model, batch, x1, -v1)
    assert (x1 - x).abs().max() > 1e-3
    torch.testing.assert_close(x2, x, rtol=0, atol=1e-12)
    torch.testing.assert_close(-v2, v, rtol=0, atol=1e-12)


def test_a_jump_with_rigid_bonds_holds_them_and_is_reversible() -> None:
    model = stirred(toy_model(jump=RIGID), size=0.1).double()
    batch = doubled(toy_batch("H2O", "C2H6", jump=RIGID))
    x, v, (i, j) = (
        batch.positions,
        batch.velocities - 0.5 * JUMP.lag_ps * batch.forces / batch.masses[:, None],
        batch.rigid,
    )
    with torch.no_grad():
        x1, v1 = whole_jump(model, batch, x, v)
        x2, v2 = whole_jump(model, batch, x1, -v1)
    torch.testing.assert_close((x1[i] - x1[j]).norm(dim=-1), batch.rigid_lengths, rtol=0, atol=2e-6)
    assert ((x1[i] - x1[j]) * (v1[i] - v1[j])).sum(-1).abs().max() < 1e-4
    assert (x1 - x).abs().max() > 1e-3
    torch.testing.assert_close(x2, x, rtol=0, atol=1e-5)
    torch.testing.assert_close(-v2, v, rtol=0, atol=1e-2)


@pytest.mark.parametrize(
    ("kind", "drift_fs", "limit"), [("egnn", 0.7, 20.0), ("transformer-egnn", 1.4, 20.0), ("egnn", 1.4, 0.1)]
)
def test_a_jump_keeps_volume(kind: str, drift_fs: float, limit: float) -> None:
    model = stirred(toy_model(kind, drift_fs=drift_fs, max_kick_nm_per_ps=limit), size=0.1).double()
    batch = doubled(toy_batch("H2O", n=1))

    def phase(z: Tensor) -> Tensor:
        return torch.cat(whole_jump(model, batch, *z.view(2, 3, 3))).flatten()

    start = torch.cat([batch.positions, batch.velocities]).flatten()
    jacobian = torch.autograd.functional.jacobian(phase, start)
    assert (jacobian - torch.eye(18, dtype=torch.float64)).abs().max() > 0.5
    sign, logarithm = torch.linalg.slogdet(jacobian)
    assert float(sign) == 1
    assert abs(float(logarithm)) < 1e-10


class Exact(KstepModel):
    """Knows the true force."""

    def forces(self, batch: Batch, x: Tensor, known: object) -> Tensor:
        return true_force(x)


def test_with_the_true_force_a_jump_is_the_splitting_alone() -> None:
    model = Exact(network(), JUMP).double()
    batch = doubled(toy_batch("H2O", n=1))
    batch.masses[:] = 12.0
    x, v, lag = batch.positions, batch.velocities, JUMP.lag_ps
    assert true_force(x).mean(0).abs().max() > 0
    found_x, found_v = whole_jump(model, batch, x, v)

    def relative(force: Tensor) -> Tensor:  # a learned force has no net momentum
        return force - force.mean(0)

    drifts, kicks = splitting(6)
    v = v + 0.5 * lag * (true_force(x) - relative(true_force(x))) / 12 + lag * kicks[0] * relative(true_force(x)) / 12
    for drift, kick in zip(drifts, kicks[1:], strict=True):
        x = x + lag * drift * v
        v = v + lag * kick * relative(true_force(x)) / 12
    v = v + 0.5 * lag * (true_force(x) - relative(true_force(x))) / 12
    torch.testing.assert_close(found_x, x)
    torch.testing.assert_close(found_v, v)


def test_a_network_that_says_nothing_is_ballistic() -> None:
    model, batch = toy_model(), toy_batch("C2H6")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    out = model.sample(batch, torch.Generator())
    torch.testing.assert_close(out["displacement"], JUMP.lag_ps * batch.velocities, rtol=1e-4, atol=1e-7)
    assert (out["velocity_change"] == 0).all()
    assert (out["start_force"] == 0).all()
    assert (out["end_force"] == 0).all()


def test_what_is_known_of_the_bonds_and_of_the_start_may_be_handed_in() -> None:
    model, batch = stirred(toy_model("transformer-egnn")), toy_batch("CH3OH")
    plain = model.sample(batch, torch.Generator())
    with torch.no_grad():
        handed = model.sample(batch, torch.Generator(), chemistry=model.chemistry(batch), start=plain["start_force"])
        other = model.sample(batch, torch.Generator(), start=2 * plain["start_force"])
    assert all(torch.equal(plain[name], handed[name]) for name in plain)
    assert not torch.equal(plain["displacement"], other["displacement"])


def test_forces_alone_are_matched_where_a_batch_has_no_targets() -> None:
    model, batch = stirred(toy_model()), toy_batch("CH3OH", "H2O")
    for name in ("target_positions", "target_velocities", "target_forces"):
        del batch[name]
    parts = model.loss(batch, torch.Generator())
    force = model.forces(batch, batch.positions, model.chemistry(batch))
    expected = model.weights.force * (((force - batch.forces) / 1000).square() / batch.masses[:, None]).mean()
    torch.testing.assert_close(parts["loss"], expected)
    assert set(parts) == set(model.loss(toy_batch("H2O"), torch.Generator()))


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_weights_stay_and_the_others_move(kind: str) -> None:
    model, batch = toy_model(kind), toy_batch("CH3OH")
    freeze(model, 1)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    model.loss(batch, torch.Generator())["loss"].backward()
    optimizer.step()
    frozen = ("atom_embedding", "pair_embedding", "bonds", "layers.0", "attention.0")
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) == name.startswith(frozen), name


def test_no_frozen_layer_means_that_all_is_trained() -> None:
    model = toy_model()
    freeze(model, 0)
    assert all(p.requires_grad for p in model.parameters())
