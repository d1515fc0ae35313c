import dataclasses

import numpy as np
import pytest

from mdsnake.evaluate.exactness import exactness
from mdsnake.families.kstep.exact import NOT_EVALUATED
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
