import numpy as np
import pytest

from mdsnake.families.kstep.config import Jump
from mdsnake.families.kstep.exact import Exact
from mdsnake.families.kstep.moves import VerletMove
from mdsnake.families.kstep.pilot import FRICTIONS, acceptance, best_friction, best_verlet_steps
from mdsnake.physics.analytic import HarmonicPotential
from mdsnake.physics.integrators import State, make_state
from mdsnake.units import BOLTZMANN

JUMP = Jump(engine="qm", k=16, timestep_fs=0.5, temperature_K=300, constraints="none")
KT = BOLTZMANN * JUMP.temperature_K


def well(step_fs: float, atoms: int = 8) -> HarmonicPotential:
    """Oscillators with ω dt = 1 at a step of `step_fs`."""
    return HarmonicPotential(np.ones(atoms), stiffness=(1e3 / step_fs) ** 2)


def thermal(potential: HarmonicPotential, count: int = 8) -> list[State]:
    rng, shape = np.random.default_rng(0), (count, len(potential.masses), 3)
    x = np.sqrt(KT / potential.stiffness) * rng.standard_normal(shape)
    return [make_state(potential, place, np.zeros_like(place)) for place in x]


def test_acceptance_is_that_of_the_jumps_it_tried() -> None:
    potential = well(1.0)
    states = thermal(potential)
    velocities = [state.v.copy() for state in states]
    propagator = Exact(potential, VerletMove(potential, 8, 1e-3), JUMP.temperature_K)
    share = acceptance(propagator, states, JUMP.temperature_K, jumps=64)
    assert propagator.tally["jumps"] == 64
    assert share == propagator.tally["accepted"] / 64
    assert 0.3 < share < 0.99
    assert all(np.array_equal(state.v, before) for state, before in zip(states, velocities, strict=True))


def test_stiffer_wells_get_shorter_steps() -> None:
    steps = [best_verlet_steps(potential, thermal(potential), JUMP) for potential in (well(3.0), well(0.8), well(0.5))]
    assert steps[0] < steps[1] < steps[2]
    assert 0.5 < JUMP.lag_ps * 1e3 / steps[2] / 0.5 < 1.9  # barely stable is 2


def test_where_more_is_refused_friction_is_stronger(capsys: pytest.CaptureFixture[str]) -> None:
    potential = well(1.0)
    rates = [
        best_friction(Exact(potential, VerletMove(potential, n, 8e-3 / n), 300), thermal(potential), JUMP)
        for n in (8, 12, 100)
    ]
    assert FRICTIONS[1] >= rates[0] > rates[1] > rates[2] == FRICTIONS[0]
    assert "% of jumps are taken in a pilot" in capsys.readouterr().out
