import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.families.kstep.config import CONTROLS, Jump, Rollout, RolloutSettings
from mdsnake.families.kstep.hybrid import Verlet
from mdsnake.families.kstep.members import control_proposal, open_propagator
from mdsnake.physics.integrators import State, make_state, maxwell_boltzmann, verlet_step
from mdsnake.physics.openmm import OpenMMPotential
from tests.families.kstep.toys import JUMP, steps, toy_potential
from tests.toys import toy_graph


@pytest.fixture
def potential() -> OpenMMPotential:
    return toy_potential("C2H6")


@pytest.fixture
def states(potential: OpenMMPotential) -> list[State]:
    x, rng = np.array(toy_graph("C2H6").positions), np.random.default_rng(0)
    return [make_state(potential, x, maxwell_boltzmann(potential, x, 300, rng)) for _ in range(3)]


def settings(member: str, jump: Jump = JUMP, **changes: Any) -> RolloutSettings:
    told = Rollout.model_validate({"time_ps": 1, "nve_ps": 1, "energy_check": "none"} | changes)
    return RolloutSettings(member=member, jump=jump, rollout=told, seed=0)


@pytest.mark.parametrize("member", CONTROLS)
def test_controls_do_what_their_name_says(member: str, potential: OpenMMPotential, states: list[State]) -> None:
    jump = JUMP.model_copy(update={"timestep_fs": 0.5})
    propagator = open_propagator(settings(member, jump), potential, toy_graph("C2H6"), states, None)
    found = propagator(states, np.random.default_rng(0))
    lag = jump.lag_ps
    for before, after in zip(states, found, strict=True):
        if member == "zero":
            expected = before
        elif member == "ballistic":
            expected = verlet_step(before, potential, lag)
        elif member == "verlet":
            expected = steps(before, potential, jump.k, lag / jump.k)
        else:
            assert isinstance(propagator, Verlet)
            assert propagator.steps * propagator.timestep_ps == pytest.approx(lag)
            assert 1 <= propagator.steps < jump.k
            expected = steps(before, potential, propagator.steps, propagator.timestep_ps)
        np.testing.assert_allclose(after.x, expected.x, atol=1e-12)
        np.testing.assert_allclose(after.v, expected.v, atol=1e-9)


def test_single_jumps_of_controls_stay_or_go_straight_on() -> None:
    x, v = np.random.default_rng(0).random((2, 2, 3, 3))
    for name, time in (("zero", 0.0), ("ballistic", JUMP.lag_ps)):
        dx, dv = control_proposal(name, JUMP)(x, v, np.ones_like(x))
        np.testing.assert_array_equal(dx, time * v)
        assert (dv == 0).all()


def test_a_learned_member_without_a_model_is_one_clear_line(potential: OpenMMPotential, states: list[State]) -> None:
    with pytest.raises(UserError, match=r"^egnn: a learned member needs --model; controls are zero, ballistic, verlet"):
        open_propagator(settings("egnn"), potential, toy_graph("C2H6"), states, None)


@pytest.mark.parametrize("module", ["config", "corrector", "hybrid", "members"])
def test_what_controls_need_does_not_import_torch(module: str) -> None:
    code = f"import sys, mdsnake.families.kstep.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
