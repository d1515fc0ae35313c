import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from mdsnake.evaluate.exactness import effective_friction, exactness
from mdsnake.families.kstep.exact import NOT_EVALUATED, Exact
from mdsnake.physics.analytic import HarmonicPotential
from mdsnake.physics.counters import Counters
from mdsnake.physics.integrators import State, make_state, thermostat
from mdsnake.units import BOLTZMANN

KT = BOLTZMANN * 300


@pytest.fixture
def tested(trajectory):
    """A run whose ΔH is normal with spread s and mean s²/2, as for a move that keeps volume."""

    def make(spread: float, frames: int = 20000, friction: float = 5.0):
        rng, run = np.random.default_rng(0), trajectory(0, segments=4, frames=frames // 4)
        gain = spread * rng.standard_normal(frames) + spread**2 / 2
        jumps = rng.random(frames) < np.exp(np.minimum(0, -gain))
        about = {"chosen": {"friction_per_ps": friction}}
        return dataclasses.replace(run, energy_error=gain * KT, jumps=jumps, provenance=about)

    return make


def test_a_move_that_keeps_volume_has_a_mean_boltzmann_factor_of_one(tested):
    run = tested(0.8)
    found = {name: value for name, (value, _) in exactness(run, 300).items()}
    assert found["energy_error_spread"] == pytest.approx(0.8, rel=0.02)
    assert found["boltzmann_factor_error"] == pytest.approx(np.sqrt((np.exp(0.64) - 1) / 20000), rel=0.15)
    assert abs(found["boltzmann_factor"] - 1) < 3 * found["boltzmann_factor_error"] < 0.03
    assert found["turned_fraction"] == pytest.approx(1 - run.jumps.mean())
    assert found["turned_fraction"] == pytest.approx(0.31, abs=0.01)  # erf(σ/(2√2))
    run.energy_error = run.energy_error - 0.1 * KT
    shifted = exactness(run, 300)
    assert abs(shifted["boltzmann_factor"][0] - 1) > 3 * shifted["boltzmann_factor_error"][0]


def test_jumps_that_could_not_be_evaluated_count_as_refused_alone(tested):
    run = tested(0.3)
    run.energy_error[:100], run.jumps[:100] = NOT_EVALUATED, False
    found = exactness(run, 300)
    assert found["energy_error_spread"][0] == pytest.approx(0.3, rel=0.02)
    assert found["boltzmann_factor"][0] == pytest.approx(1 - 100 / 20000, abs=0.01)


def test_without_a_metropolis_test_there_is_nothing_to_say(trajectory):
    assert exactness(trajectory(0, frames=20), 300) == {}


def test_effective_friction_in_its_limits():
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
def test_a_free_particle_spreads_as_the_effective_friction_says(friction, refused, extra):
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
