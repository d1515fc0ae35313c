import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.families.kstep.config import CONTROLS, FLEXIBLE_CONTROLS, Jump, Rollout, RolloutSettings
from mdsnake.families.kstep.exact import Exact
from mdsnake.families.kstep.hybrid import Propagator
from mdsnake.families.kstep.members import Straight, control_proposal, open_propagator, open_proposal
from mdsnake.families.kstep.moves import LearnedMove, SurrogateMove, VerletMove
from mdsnake.physics.integrators import State, make_state, maxwell_boltzmann, verlet_step
from mdsnake.physics.openmm import OpenMMPotential
from tests.families.kstep.toys import JUMP, RIGID, steps, toy_potential
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


@pytest.mark.parametrize("member", [name for name in CONTROLS if name not in FLEXIBLE_CONTROLS])
def test_controls_do_what_their_name_says(member: str, potential: OpenMMPotential, states: list[State]) -> None:
    jump = JUMP.model_copy(update={"timestep_fs": 0.5})
    told, graph = settings(member, jump), toy_graph("C2H6")
    propagator = open_propagator(told, potential, graph, open_proposal(told, graph, None), verlet_steps=3)
    found = propagator(states, np.random.default_rng(0))
    lag = jump.lag_ps
    for before, after in zip(states, found, strict=True):
        if member == "zero":
            expected = before
        elif member == "ballistic":
            expected = verlet_step(before, potential, lag)
        else:
            taken = {"verlet": jump.k, "verlet-double": jump.k / 2, "verlet-stable": 3}[member]
            expected = steps(before, potential, int(taken), lag / int(taken))
        np.testing.assert_allclose(after.x, expected.x, atol=1e-12)
        np.testing.assert_allclose(after.v, expected.v, atol=1e-9)


def test_single_jumps_of_controls_stay_or_go_straight_on() -> None:
    x, v = np.random.default_rng(0).random((2, 2, 3, 3))
    for name, time in (("zero", 0.0), ("ballistic", JUMP.lag_ps)):
        dx, dv = control_proposal(name, JUMP)(x, v, np.ones_like(x))
        np.testing.assert_array_equal(dx, time * v)
        assert (dv == 0).all()


def opened(member: str, potential: OpenMMPotential, verlet_steps: int | None = None, **changes: Any) -> Propagator:
    told, graph = settings(member, **changes), toy_graph("C2H6")
    return open_propagator(told, potential, graph, None, lambda: toy_potential("C2H6"), verlet_steps)


def test_hmc_takes_verlet_steps_of_its_own_and_tests_them(potential: OpenMMPotential, states: list[State]) -> None:
    propagator = opened("hmc", potential, 3)
    assert isinstance(propagator, Exact)
    assert isinstance(propagator.move, VerletMove)
    (found,) = [state for state in propagator.move(states[:1]) if state]
    expected = steps(states[0], potential, 3, JUMP.lag_ps / 3)
    np.testing.assert_allclose(found.x, expected.x, atol=1e-12)
    np.testing.assert_allclose(found.v, expected.v, atol=1e-9)


@pytest.mark.parametrize("member", ["hmc-mm", "respa"])
def test_with_a_perfect_surrogate_a_jump_is_the_reference(
    member: str, potential: OpenMMPotential, states: list[State]
) -> None:
    propagator = opened(member, potential, surrogate_timestep_fs=1.0).untested()
    before = potential.calls.force_calls
    found = propagator(states, np.random.default_rng(0))
    assert potential.calls.force_calls - before == len(states)
    assert propagator.counters["surrogate_calls"] == 5 * len(states)
    for start, after in zip(states, found, strict=True):
        expected = steps(start, potential, JUMP.k, JUMP.lag_ps / JUMP.k)
        np.testing.assert_allclose(after.x, expected.x, atol=1e-10)
        np.testing.assert_allclose(after.v, expected.v, atol=1e-7)


def test_only_the_controls_with_a_test_are_exact(potential: OpenMMPotential) -> None:
    kinds = {name: type(opened(name, potential)).__name__ for name in FLEXIBLE_CONTROLS}
    assert kinds == {"hmc": "Exact", "hmc-mm": "Exact", "respa": "Untested"}


@pytest.mark.parametrize("member", ["hmc", "hmc-mm", "egnn"])
def test_exact_members_have_the_lag_the_temperature_and_the_chances_that_they_are_given(
    member: str, potential: OpenMMPotential
) -> None:
    told = settings(member, extra_chances=7).model_copy(update={"exact": member == "egnn"})
    found = open_propagator(told, potential, toy_graph("C2H6"), Straight(0.0), lambda: toy_potential("C2H6"), 2)
    assert isinstance(found, Exact)
    assert found.extra_chances == 7
    assert found.temperature_K == JUMP.temperature_K
    move = found.move
    assert isinstance(move, LearnedMove | SurrogateMove | VerletMove)
    lag = move.lag_ps if isinstance(move, LearnedMove) else move.steps * move.timestep_ps
    assert lag == pytest.approx(JUMP.lag_ps)


@pytest.mark.parametrize("member", [*FLEXIBLE_CONTROLS, "egnn"])
def test_exact_members_refuse_rigid_bonds(member: str) -> None:
    told = settings(member, RIGID).model_copy(update={"exact": member == "egnn"})
    with pytest.raises(UserError, match=rf"^{member}: refuses rigid bonds.*set constraints: none$"):
        open_propagator(told, toy_potential("C2H6", RIGID), toy_graph("C2H6"), None)


def test_a_surrogate_that_lacks_is_one_clear_line(potential: OpenMMPotential) -> None:
    with pytest.raises(UserError, match=r"^respa: needs a classical surrogate"):
        open_propagator(settings("respa"), potential, toy_graph("C2H6"), None)


def test_a_learned_member_without_a_model_is_one_clear_line() -> None:
    with pytest.raises(UserError, match=r"^egnn: a learned member needs --model; controls are zero, ballistic, verlet"):
        open_proposal(settings("egnn"), toy_graph("C2H6"), None)


@pytest.mark.parametrize("module", ["config", "corrector", "hybrid", "moves", "exact", "pilot", "members"])
def test_what_controls_need_does_not_import_torch(module: str) -> None:
    code = f"import sys, mdsnake.families.kstep.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
