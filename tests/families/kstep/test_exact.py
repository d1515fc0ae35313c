"""Exactness: independent walkers that start in the Boltzmann distribution stay in it, whatever proposes the jumps."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, kstest

from mdsnake.families.kstep import exact
from mdsnake.families.kstep.exact import NOT_EVALUATED, Exact, Untested, effective_friction
from mdsnake.families.kstep.learned import LearnedProposal
from mdsnake.families.kstep.moves import LearnedMove, Move, SurrogateMove, VerletMove
from mdsnake.physics.analytic import DoubleWell, External, HarmonicPotential, MuellerBrown
from mdsnake.physics.counters import Counters
from mdsnake.physics.integrators import State, make_state, thermostat, total_energy
from mdsnake.physics.potential import EvaluationFailed
from mdsnake.units import BOLTZMANN, kinetic_energy
from tests.families.kstep.toys import JUMP, stirred, toy_model
from tests.toys import toy_graph

T = JUMP.temperature_K
KT = BOLTZMANN * T
LAG = JUMP.lag_ps
WATER = toy_graph("H2O")
MASSES, CENTRES = np.array(WATER.masses), np.array(WATER.positions)
WALKERS, LAGS = 1000, 12


def double_well() -> DoubleWell:
    """Barriers of 2 kT."""
    return DoubleWell(MASSES, barrier=2 * KT, half_width=0.03, stiffness=1e4, centres=CENTRES)


def mueller_brown() -> MuellerBrown:
    """Wells a few kT deep."""
    return MuellerBrown(MASSES, scale=0.05, length_nm=0.1, stiffness=1e4)


def random_network(
    potential: External,
    size: float = 0.03,
    lag_ps: float = LAG,
    kind: str = "egnn",
    precision: torch.dtype = torch.double,
) -> LearnedMove:
    """A jump by a network that has learned nothing."""
    model = stirred(toy_model(kind, jump=JUMP), size=size).to(precision)
    with torch.no_grad():
        for layer in model.layers:
            layer.head.weight *= 0.5
    return LearnedMove(potential, LearnedProposal(model, WATER), lag_ps)


def random_attention(potential: External, size: float = 0.03) -> LearnedMove:
    """The same with attention and in single precision, as it is used."""
    return random_network(potential, size, kind="transformer-egnn", precision=torch.float)


def wrong_surrogate(potential: External, corrected: bool) -> SurrogateMove:
    return SurrogateMove(potential, HarmonicPotential(MASSES, 2e4, CENTRES), 4, LAG / 4, corrected)


NETWORKS = ("a random network", "random attention")
MOVES = {
    "a random network": random_network,
    "random attention": random_attention,
    "hmc": lambda potential: VerletMove(potential, 3, 1.2 * LAG),
    "hmc-mm": lambda potential: wrong_surrogate(potential, corrected=False),
    "respa": lambda potential: wrong_surrogate(potential, corrected=True),
}
SURFACE_MOVES = {
    "a random network": lambda potential: random_network(potential, 0.02),
    "random attention": lambda potential: random_attention(potential, 0.02),
    "hmc": lambda potential: VerletMove(potential, 2, 2.5 * LAG),
    "hmc-mm": lambda potential: SurrogateMove(potential, HarmonicPotential(MASSES, 300.0), 2, LAG, corrected=False),
    "respa": lambda potential: SurrogateMove(potential, HarmonicPotential(MASSES, 300.0), 2, 1.5 * LAG, corrected=True),
}


def distribution(potential: DoubleWell) -> tuple[np.ndarray, np.ndarray]:
    """Grid of x and cumulative probability of an atom's x in the double well, by quadrature."""
    grid = np.linspace(-0.09, 0.09, 4001)
    cumulative = np.cumsum(np.exp(-potential.barrier * ((grid / potential.half_width) ** 2 - 1) ** 2 / KT))
    return grid, cumulative / cumulative[-1]


def thermal_walkers(potential: DoubleWell, seed: int = 0) -> list[State]:
    """Independent draws from the Boltzmann distribution of the double well."""
    rng, (grid, cumulative) = np.random.default_rng(seed), distribution(potential)
    shape = (WALKERS, len(MASSES))
    x = np.sqrt(KT / potential.stiffness) * rng.standard_normal((*shape, 3))
    x[..., 0] = np.interp(rng.random(shape), cumulative, grid)
    v = np.sqrt(KT / MASSES)[:, None] * rng.standard_normal((*shape, 3))
    return [make_state(potential, *state) for state in zip(x + CENTRES, v, strict=True)]


def refreshed(states: Sequence[State], potential: External, rng: np.random.Generator) -> list[State]:
    return [
        dataclasses.replace(s, v=thermostat(potential, s.x, s.v, LAG, 20.0, T, rng)) for s in states
    ]  # fmt: skip


EXTRA = pytest.mark.parametrize("extra", [0, 3], ids=["", "extra chances"])


def run(propagator: Exact, states: list[State], lags: int = LAGS) -> list[State]:
    rng = np.random.default_rng(1)
    for _ in range(lags):
        states = propagator(refreshed(states, propagator.potential, rng), rng)
    return states


def p_values(potential: DoubleWell, states: Sequence[State]) -> tuple[float, float]:
    """Kolmogorov–Smirnov p of the atoms' x and of their velocities; atoms are independent of each other."""
    grid, cumulative = distribution(potential)
    x = np.concatenate([s.x[:, 0] - CENTRES[:, 0] for s in states])
    v = np.concatenate([(s.v * np.sqrt(MASSES / KT)[:, None]).ravel() for s in states])
    return kstest(x, lambda at: np.interp(at, grid, cumulative)).pvalue, kstest(v, "norm").pvalue


@EXTRA
@pytest.mark.parametrize("name", MOVES)
def test_any_move_keeps_the_boltzmann_distribution(name: str, extra: int) -> None:
    potential = double_well()
    propagator = Exact(potential, MOVES[name](potential), T, extra)
    states = run(propagator, thermal_walkers(potential))
    assert 0.1 < propagator.tally["accepted"] / propagator.tally["jumps"] < 0.95
    assert any(state.jumps > 1 for state in states) == bool(extra)
    assert min(p_values(potential, states)) > 0.001


def test_without_the_test_it_is_lost() -> None:
    potential = double_well()
    states, rng, propagator = thermal_walkers(potential), np.random.default_rng(1), random_network(potential, 0.12)
    for _ in range(LAGS):
        states = [state for state in propagator(refreshed(states, potential, rng)) if state]
    assert min(p_values(potential, states)) < 1e-9


@functools.cache
def surface() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Midpoints of a fine grid in x and y, and the probability of each of its cells."""
    potential = mueller_brown()
    x, y = np.linspace(-0.3, 0.25, 276), np.linspace(-0.15, 0.35, 251)
    energies = [[potential.energy_forces(np.array([[a, b, 0.0]]))[0] for b in y] for a in x]
    weight = np.exp(-np.array(energies) / KT)
    return x, y, weight / weight.sum()


def surface_walkers(potential: MuellerBrown, seed: int = 0) -> list[State]:
    """Independent draws from the Boltzmann distribution of the surface."""
    rng, (x, y, probability) = np.random.default_rng(seed), surface()
    n, atoms = WALKERS, len(MASSES)
    cells = rng.choice(probability.size, size=(n, atoms), p=probability.ravel())
    places = np.stack([x[cells // len(y)], y[cells % len(y)], np.zeros((n, atoms))], -1)
    places[..., :2] += (rng.random((n, atoms, 2)) - 0.5) * 0.002
    places[..., 2] = np.sqrt(KT / potential.stiffness) * rng.standard_normal((n, atoms))
    v = np.sqrt(KT / MASSES)[:, None] * rng.standard_normal((n, atoms, 3))
    return [make_state(potential, *state) for state in zip(places, v, strict=True)]


def surface_p_value(states: Sequence[State]) -> float:
    """p of χ² of the atoms' places by coarse cells of the surface."""
    x, y, probability = surface()
    moved = np.concatenate([state.x[:, :2] for state in states])
    coarse = probability[:275, :250].reshape(11, 25, 10, 25).sum((1, 3))
    edges = [x[0] - 0.001 + 0.05 * np.arange(12), y[0] - 0.001 + 0.05 * np.arange(11)]
    found = np.histogram2d(*moved.T, edges)[0]
    enough = coarse * len(moved) > 10
    expected = np.append(coarse[enough], 1 - coarse[enough].sum()) * len(moved)
    seen = np.append(found[enough], len(moved) - found[enough].sum())
    assert enough.sum() > 15
    return chisquare(seen, expected).pvalue


@EXTRA
@pytest.mark.parametrize("name", SURFACE_MOVES)
def test_the_mueller_brown_surface_keeps_its_distribution(name: str, extra: int) -> None:
    potential = mueller_brown()
    starts, propagator = surface_walkers(potential), Exact(potential, SURFACE_MOVES[name](potential), T, extra)
    ends = run(propagator, starts)
    assert 0.1 < propagator.tally["accepted"] / propagator.tally["jumps"] < 0.95
    assert max(np.abs(end.x - start.x)[:, :2].max() for start, end in zip(starts, ends, strict=True)) > 0.05
    assert surface_p_value(ends) > 0.001


def boltzmann_factors(propagator: Exact, walkers: Callable[[External, int], list[State]]) -> np.ndarray:
    """exp(−ΔH/kT) of a move from thermal states."""
    factors = []
    for seed in range(4):
        states = walkers(propagator.potential, seed)
        for state, end in zip(states, propagator.move(states), strict=True):
            factors.append(np.exp(-propagator.energy_error(state, end) / KT))
    return np.array(factors)


def deviation(factors: np.ndarray) -> float:
    """Of the mean from one, in standard errors."""
    return float(abs(factors.mean() - 1) / (factors.std() / np.sqrt(len(factors))))


SURFACES: dict[str, tuple[Callable, dict[str, Callable], Callable]] = {
    "double well": (double_well, MOVES, thermal_walkers),
    "Müller–Brown": (mueller_brown, SURFACE_MOVES, surface_walkers),
}


@pytest.mark.parametrize(
    ("surface", "name"),
    [(named, name) for named, (_, moves, _) in SURFACES.items() for name in moves],
)
def test_the_mean_boltzmann_factor_of_a_gain_is_one(surface: str, name: str) -> None:
    make, moves, walkers = SURFACES[surface]
    potential = make()
    factors = boltzmann_factors(Exact(potential, moves[name](potential), T), walkers)
    assert np.std(factors) > 0.1
    assert deviation(factors) < 3


@dataclasses.dataclass
class Clamped:
    """A move that bounds velocities at its end, and so does not keep volume."""

    move: Move
    potential: External
    counters: Counters = dataclasses.field(default_factory=Counters)

    def __call__(self, states: Sequence[State]) -> list[State | None]:
        limit = np.sqrt(KT / self.potential.masses)[:, None]
        return [end and dataclasses.replace(end, v=np.clip(end.v, -limit, limit)) for end in self.move(states)]


def test_a_move_that_clamps_velocities_is_found_out() -> None:
    well, hills = double_well(), mueller_brown()
    on_well = Exact(well, Clamped(VerletMove(well, 4, LAG / 4), well), T)
    on_hills = Exact(hills, Clamped(VerletMove(hills, 2, 2.5 * LAG), hills), T)
    assert min(p_values(well, run(on_well, thermal_walkers(well)))) < 1e-9
    assert surface_p_value(run(on_hills, surface_walkers(hills))) < 1e-9


@dataclasses.dataclass
class Damped:
    """A move that takes a hundredth of the velocities away, and volume with them."""

    move: Move
    counters: Counters = dataclasses.field(default_factory=Counters)

    def __call__(self, states: Sequence[State]) -> list[State | None]:
        return [end and dataclasses.replace(end, v=0.99 * end.v) for end in self.move(states)]


@pytest.mark.parametrize("surface", SURFACES)
def test_the_mean_boltzmann_factor_tells_of_volume(surface: str) -> None:
    """It is the volume that a move starts from over that where it ends."""
    make, _, walkers = SURFACES[surface]
    potential = make()
    factors = boltzmann_factors(Exact(potential, Damped(VerletMove(potential, 2, LAG)), T), walkers)
    assert deviation(factors) > 10
    assert deviation(factors * 0.99 ** (3 * len(MASSES))) < 3


def test_a_refusal_turns_the_velocities_round_and_nothing_else() -> None:
    potential = double_well()
    states = thermal_walkers(potential)[:20]
    propagator = Exact(potential, random_network(potential, size=3.0), T)
    found = propagator(states, np.random.default_rng(0))
    refused = [(a, b) for a, b in zip(states, found, strict=True) if np.array_equal(a.x, b.x)]
    assert len(refused) == 20 - propagator.counters["accepted"] > 10
    for before, after in refused:
        np.testing.assert_array_equal(after.v, -before.v)
        assert after.energy == before.energy
        assert after.jumps == 0


@dataclasses.dataclass
class Ring:
    """Places on a ring, as many as energies, and a step to the next one or back; no physics but H = U."""

    energies: np.ndarray
    blocked: int | None = None
    counters: Counters = dataclasses.field(default_factory=Counters)

    def state(self, place: int, way: int) -> State:
        place %= len(self.energies)
        return State(np.full((1, 3), place), np.full((1, 3), way), float(self.energies[place]), np.zeros((1, 3)))

    def __call__(self, states: Sequence[State]) -> list[State | None]:
        ends = [self.state(int(s.x[0, 0] + s.v[0, 0]), int(s.v[0, 0])) for s in states]
        return [None if end.x[0, 0] == self.blocked else end for end in ends]


class Told(np.random.Generator):
    """Draws the number u for every walker, once for all of its jumps."""

    def __init__(self, u: float) -> None:
        super().__init__(np.random.PCG64(0))
        self.left = [-np.log(u)]

    def exponential(self, scale: float = 1.0, size: int = 1) -> np.ndarray:  # type: ignore[override]
        return np.full(size, self.left.pop())


@pytest.mark.parametrize("extra", [0, 1, 4, 12])
@pytest.mark.parametrize(("blocked", "given_up"), [(None, 20.0), (3, 20.0), (None, 1.0)])
def test_extra_chances_leave_the_distribution_as_it_is(
    extra: int, blocked: int | None, given_up: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The matrix of all transitions of a ring, as all u tell, has the Boltzmann distribution for its fixed point."""
    energies = KT * np.random.default_rng(0).normal(scale=1.5, size=7)
    ring = Ring(energies, blocked)
    monkeypatch.setattr(exact, "GIVEN_UP_KT", given_up)
    propagator = Exact(HarmonicPotential(np.array([1e-12]), 0.0), ring, T, extra)  # of no kinetic energy
    every = [(place, way) for place in range(7) if place != blocked for way in (1, -1)]
    matrix = np.zeros((len(every), len(every)))
    draws = (np.arange(2000) + 0.5) / 2000
    for u in draws:
        ends = propagator([ring.state(*one) for one in every], Told(u))
        for start, end in enumerate(ends):
            matrix[start, every.index((int(end.x[0, 0]), int(end.v[0, 0])))] += 1 / len(draws)
    weight = np.exp(-np.array([energies[place] for place, _ in every]) / KT)
    weight /= weight.sum()
    np.testing.assert_allclose(weight @ matrix, weight, rtol=0, atol=2e-3)


def test_extra_chances_go_on_from_where_a_jump_was_refused() -> None:
    """Each once for every walker that still waits, with the outcome told by how many jumps were taken."""
    ring = Ring(KT * np.array([0.0, 3.0, 3.0, 0.5, 0.0, 0.0]))
    propagator = Exact(HarmonicPotential(np.array([1e-12]), 0.0), ring, T, 3)
    starts = [ring.state(place, 1) for place in range(6)]
    ends = propagator(starts, Told(np.exp(-1.0)))
    assert [end.jumps for end in ends] == [3, 1, 1, 1, 1, 1]
    assert [int(end.x[0, 0]) for end in ends] == [3, 2, 3, 4, 5, 0]
    assert ends[0].energy_error == pytest.approx(3 * KT, rel=1e-6), "of its first jump"
    steep = Ring(KT * np.array([0.0, 30.0, 0.0]))
    assert Exact(propagator.potential, steep, T, 3)([steep.state(0, 1)], Told(np.exp(-1.0)))[0].jumps == 0, "given up"
    turned = Exact(propagator.potential, ring, T, 1)(starts, Told(np.exp(-1.0)))[0]
    assert (turned.jumps, int(turned.x[0, 0]), int(turned.v[0, 0])) == (0, 0, -1)


def test_states_tell_the_outcome_of_the_jump_that_led_to_them() -> None:
    potential = double_well()
    states = thermal_walkers(potential)[:50]
    propagator = Exact(potential, random_network(potential), T)
    ends = propagator.move(states)
    for before, end, after in zip(states, ends, propagator(states, np.random.default_rng(0)), strict=True):
        assert end
        assert after.energy_error == total_energy(end, MASSES) - total_energy(before, MASSES)
        assert after.jumps == np.array_equal(after.x, end.x)
        assert after.jumps or after.energy_error > 0


@pytest.mark.parametrize("name", MOVES)
def test_moves_go_back_the_way_they_came(name: str) -> None:
    potential = double_well()
    move, states = MOVES[name](potential), thermal_walkers(potential)[:50]
    tolerance = 1e-5 if name == "random attention" else 1e-12  # in single precision a last bit may differ
    ends = [state for state in move(states) if state]
    back = move([dataclasses.replace(state, v=-state.v) for state in ends])
    for before, after in zip(states, back, strict=True):
        assert after
        np.testing.assert_allclose(after.x, before.x, rtol=0, atol=tolerance)
        np.testing.assert_allclose(after.v, -before.v, rtol=0, atol=tolerance)


@EXTRA
@pytest.mark.parametrize("name", MOVES)
def test_counters_are_the_calls_that_were_made(name: str, extra: int, monkeypatch: pytest.MonkeyPatch) -> None:
    potential = double_well()
    states, moved = thermal_walkers(potential)[:10], []
    propagator = Exact(potential, MOVES[name](potential), T, extra)
    move = type(propagator.move).__call__
    monkeypatch.setattr(type(propagator.move), "__call__", lambda *told: moved.extend(told[1]) or move(*told))
    before = potential.calls.force_calls
    for _ in range(3):
        states = propagator(states, np.random.default_rng(0))
    counted, moves = propagator.counters, len(moved)
    assert moves > 30 if extra else moves == 30
    assert counted["jumps"] == counted["accepted"] + counted["rejected_energy"] + counted["rejected_nonfinite"] == 30
    assert potential.calls.force_calls - before == moves * (3 if name == "hmc" else 1)
    assert counted["network_calls"] == (moves if name in NETWORKS else 0)
    assert counted["surrogate_calls"] == (5 * moves if name in ("hmc-mm", "respa") else 0)


WALL = 0.02  # nm


class Fragile(DoubleWell):
    """Cannot be evaluated where the first atom is right of a wall."""

    def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        if x[0, 0] > CENTRES[0, 0] + WALL:
            with self.calls.timed():
                raise EvaluationFailed("fragile: not converged")
        return super().energy_forces(x)


def fragile() -> tuple[Fragile, list[State]]:
    """With walkers where it can be evaluated."""
    whole = double_well()
    potential = Fragile(MASSES, whole.barrier, whole.half_width, whole.stiffness, CENTRES)
    return potential, [s for s in thermal_walkers(whole) if s.x[0, 0] <= CENTRES[0, 0] + WALL]


@EXTRA
def test_where_the_potential_cannot_be_evaluated_the_jump_is_refused(extra: int) -> None:
    potential, inside = fragile()
    propagator = Exact(potential, VerletMove(potential, 2, 2 * LAG), T, extra)
    states = run(propagator, inside)
    assert propagator.counters["rejected_nonfinite"] > len(inside) / 10
    assert propagator.energy_error(inside[0], None) == NOT_EVALUATED
    assert np.isfinite(np.float32(NOT_EVALUATED))
    grid, cumulative = distribution(potential)
    here = np.minimum(cumulative / np.interp(WALL, grid, cumulative), 1)
    first = np.array([s.x[0, 0] - CENTRES[0, 0] for s in states])
    assert (first <= WALL).all()
    assert all(s.energy == pytest.approx(potential.energy_forces(s.x)[0]) for s in states)
    assert all(total_energy(s, MASSES) == pytest.approx(s.energy + kinetic_energy(s.v, MASSES)) for s in states)
    assert kstest(first, lambda at: np.interp(at, grid, here)).pvalue > 0.001
    others = np.concatenate([s.x[1:, 0] - CENTRES[1:, 0] for s in states])
    assert kstest(others, lambda at: np.interp(at, grid, cumulative)).pvalue > 0.001


def test_without_a_test_a_walker_stays_where_it_cannot_go_on_and_is_counted() -> None:
    potential, inside = fragile()
    propagator, before = Untested(VerletMove(potential, 2, 2 * LAG)), potential.calls.force_calls
    ends = propagator(inside, np.random.default_rng(0))
    stayed = sum(end is start for start, end in zip(inside, ends, strict=True))
    assert propagator.counters["lost"] == stayed > 0
    assert len(inside) < potential.calls.force_calls - before < 2 * len(inside), "those that failed are counted as well"


def test_effective_friction_in_its_limits() -> None:
    never, always, some, few = np.ones(10), np.zeros(10), np.arange(10) > 1, np.arange(10) > 0
    assert effective_friction(2.0, never, 0.008) == pytest.approx(2, rel=1e-4)
    assert effective_friction(0.0, some, 0.01) == pytest.approx(2 * 0.2 / (0.8 * 0.01))
    assert effective_friction(0.0, never, 0.01) == 0
    assert effective_friction(0.0, always, 0.01) == np.inf
    assert effective_friction(5.0, few, 0.01) > effective_friction(5.0, never, 0.01) + 0.9 * 2 * 0.1 / (0.9 * 0.01)
    assert effective_friction(2.0, 2 * never, 0.008) == pytest.approx(1, rel=1e-4), "the thermostat acts half as often"


@dataclasses.dataclass
class Flaky:
    """A free flight that has far too much energy at random, so that it is refused."""

    lag_ps: float
    refused: float
    rng: np.random.Generator = dataclasses.field(default_factory=lambda: np.random.default_rng(1))
    counters: Counters = dataclasses.field(default_factory=Counters)

    def __call__(self, states: Sequence[State]) -> list[State | None]:
        energies = np.where(self.rng.random(len(states)) < self.refused, 19 * KT, 0.0)
        return [
            dataclasses.replace(s, x=s.x + self.lag_ps * s.v, energy=energy)
            for s, energy in zip(states, energies.tolist(), strict=True)
        ]


@pytest.mark.parametrize(
    ("friction", "refused", "extra"), [(20.0, 0.0, 0), (20.0, 0.15, 0), (1.0, 0.3, 0), (5.0, 0.4, 1)]
)
def test_a_free_particle_spreads_as_the_effective_friction_says(friction: float, refused: float, extra: int) -> None:
    lag, count, rng = 0.008, 400, np.random.default_rng(0)
    potential = HarmonicPotential(np.full(40, 12.0), stiffness=0.0)
    propagator, jumps = Exact(potential, Flaky(lag, refused), 300, extra), []
    speed = np.sqrt(KT / potential.masses)[:, None]
    states = [make_state(potential, np.zeros((40, 3)), speed * rng.standard_normal((40, 3))) for _ in range(60)]
    for _ in range(count):
        states = [
            dataclasses.replace(s, v=thermostat(potential, s.x, s.v, lag, friction, 300, rng))
            for s in propagator(states, rng)
        ]
        jumps += [s.jumps for s in states]
    found = effective_friction(friction, np.array(jumps), lag)
    assert np.mean(np.array(jumps) == 0) == pytest.approx(refused ** (1 + extra), abs=0.01)
    time = lag * np.maximum(jumps, 1).sum() / len(states)
    decay = 1 - np.exp(-found * time)
    expected = 2 * KT / 12 / found * (time - decay / found)  # of Langevin dynamics in one dimension
    assert np.mean([s.x**2 for s in states]) == pytest.approx(expected, rel=0.1 if refused else 0.04)
