import re
import time

import numpy as np
import pytest

from mdsnake.config import Engine
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import Jump, Rollout, RolloutSettings
from mdsnake.families.kstep.exact import Exact, Untested
from mdsnake.families.kstep.moves import LearnedMove, VerletMove
from mdsnake.families.kstep.pilot import (
    MOST_FRICTION,
    PILOT_JUMPS,
    SAMPLING_FRICTION,
    Choices,
    best_friction,
    best_verlet_steps,
    best_walkers,
    choices,
    outcomes,
    stable_verlet_steps,
)
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


def test_outcomes_are_those_of_as_many_jumps_and_leave_the_states_alone() -> None:
    potential = well(1.0)
    states = thermal(potential)
    velocities = [state.v.copy() for state in states]
    propagator = Exact(potential, VerletMove(potential, 8, 1e-3), JUMP.temperature_K)
    found = outcomes(propagator, states, JUMP.temperature_K, 64)
    assert len(found) == propagator.tally["jumps"] == 64
    assert sum(one.jumps for one in found) == propagator.tally["accepted"]
    assert 20 < propagator.tally["accepted"] < 64
    assert all(np.array_equal(state.v, before) for state, before in zip(states, velocities, strict=True))


def test_stiffer_wells_get_shorter_steps() -> None:
    steps = [
        best_verlet_steps(potential, thermal(potential), JUMP, 10) for potential in (well(3.0), well(0.8), well(0.5))
    ]
    assert steps[0] < steps[1] < steps[2]
    assert 0.3 < JUMP.lag_ps * 1e3 / steps[2] / 0.5 < 1.9  # barely stable is 2


def test_steps_are_chosen_for_the_chances_that_a_walker_has(capsys: pytest.CaptureFixture[str]) -> None:
    """What is refused and goes on wastes no call, so that longer steps pay."""
    potential = HarmonicPotential(np.geomspace(1, 16, 24), stiffness=1e6)
    once, often = (best_verlet_steps(potential, thermal(potential), JUMP, 10, extra) for extra in (0, 4))
    assert 5 < often < once
    last = capsys.readouterr().out.splitlines()[-1]
    told = r"hmc: \d+ steps of [\d.]+ fs a jump: [\d.]+ fs a force call, with an effective friction of [\d.]+/ps"
    assert re.fullmatch(told, last)


def test_steps_are_shorter_where_turns_are_what_slows_walkers() -> None:
    potential = HarmonicPotential(np.geomspace(1, 16, 24), stiffness=1e6)
    freely, slowly = (best_verlet_steps(potential, thermal(potential), JUMP, friction, 4) for friction in (1, 1000))
    assert freely > slowly


def test_stable_steps_are_those_that_the_wells_bear(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [stable_verlet_steps(well(step), thermal(well(step)), JUMP) for step in (3.0, 0.8)]
    assert 1 <= steps[0] < steps[1] <= JUMP.k
    assert capsys.readouterr().out.startswith(f"verlet-stable: {steps[0]} steps of ")


def test_steps_are_not_sought_for_ever_where_forces_belong_to_no_energy() -> None:
    class Rising(HarmonicPotential):
        def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
            _, forces = super().energy_forces(x)
            return 1e3 * self.calls.force_calls, forces

    potential = Rising(np.ones(8), stiffness=1e6)
    with pytest.raises(UserError, match=r"^hmc: no jump is taken, even in 64 steps of 0.125 fs a jump; are its forces"):
        best_verlet_steps(potential, thermal(potential), JUMP, 10)


@pytest.mark.parametrize(("overhead_ms", "each_ms", "expected"), [(20.0, 0.0, 32), (0.0, 2.0, 8)])
def test_more_walkers_share_what_a_network_takes_whatever_their_number(
    overhead_ms: float, each_ms: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def proposal(x: np.ndarray, v: np.ndarray, forces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        now[0] += 1e-3 * (overhead_ms + each_ms * len(x))
        return 1e-3 * v, np.zeros_like(v)

    potential = well(1.0, atoms=2)
    propagator = Exact(potential, LearnedMove(potential, proposal, 1e-3), 300)
    assert best_walkers(propagator, thermal(potential), most=32) == expected


def test_without_a_network_walkers_are_few() -> None:
    potential = well(1.0, atoms=2)
    assert best_walkers(Exact(potential, VerletMove(potential, 2, 1e-3), 300), thermal(potential), most=64) == 8


@pytest.mark.parametrize("exact", [True, False])
def test_what_is_told_is_not_chosen_and_what_is_open_is(exact: bool) -> None:
    potential = well(1.0)
    engine = Engine.model_validate(
        {"potential": "ase", "timestep_fs": 0.5, "friction_per_ps": 3.0, "equilibration_ps": 1, "production_ps": 1,
         "record_fs": 4, "bursts": {"count": 1, "length_fs": 4, "spacing_ps": 1}}
    )  # fmt: skip
    move = VerletMove(potential, 12, JUMP.lag_ps / 12)
    propagator = Exact(potential, move, 300) if exact else Untested(move)

    def chosen(**told: object) -> Choices:
        rollout = Rollout.model_validate({"time_ps": 1, "nve_ps": 1} | told)
        settings = RolloutSettings(member="hmc-mm" if exact else "respa", jump=JUMP, rollout=rollout, seed=0)
        return choices(settings, engine, potential, lambda n: thermal(potential, n), lambda steps: propagator, 64)

    assert chosen(walkers=3, friction_per_ps=7.0) == chosen(walkers=3, friction_per_ps=7.0, hmc_steps=5)
    assert chosen(walkers=3) == Choices(3, 3.0)
    calls = potential.calls.force_calls
    found = chosen(walkers="auto", friction_per_ps="auto")
    assert found.walkers == 8
    assert found.friction_per_ps == SAMPLING_FRICTION if not exact else found.friction_per_ps >= SAMPLING_FRICTION
    assert (potential.calls.force_calls > calls) == exact, "nothing of a control without a test depends on a pilot"


def test_where_more_is_refused_friction_is_stronger(capsys: pytest.CaptureFixture[str]) -> None:
    potential = well(1.0)
    rates = [
        best_friction(Exact(potential, VerletMove(potential, n, 8e-3 / n), 300), thermal(potential), JUMP, 1.5)
        for n in (8, 12, 100)
    ]
    assert MOST_FRICTION >= rates[0] > rates[1] > rates[2] == 1.5
    assert "% of a pilot's jumps" in capsys.readouterr().out


def test_friction_lasts_as_long_as_walkers_go_between_turns() -> None:
    potential = well(1.0)
    propagator = Exact(potential, VerletMove(potential, 10, 8e-4), 300)
    turned = np.mean([one.jumps == 0 for one in outcomes(propagator, thermal(potential), 300, PILOT_JUMPS)])
    assert 0 < turned < 1
    assert best_friction(propagator, thermal(potential), JUMP, 0.5) == pytest.approx(turned / JUMP.lag_ps)


def test_the_least_friction_has_no_bound() -> None:
    still = Exact(well(1.0), VerletMove(well(1.0), 100, 8e-5), 300)
    assert best_friction(still, thermal(well(1.0)), JUMP, 3 * MOST_FRICTION) == 3 * MOST_FRICTION


def test_where_walkers_go_on_friction_is_weaker() -> None:
    potential, move = well(1.0), VerletMove(well(1.0), 10, 8e-4)
    start = thermal(potential)
    never, often = (best_friction(Exact(potential, move, 300, extra), start, JUMP, 0.5) for extra in (0, 5))
    assert often < 0.7 * never
