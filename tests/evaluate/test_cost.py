import dataclasses

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.evaluate.cost import (
    break_even_ps,
    calls_and_time,
    effective_sample_size,
    jump_outcomes,
    preparation_seconds,
    setup_seconds,
)


@pytest.fixture
def pair(trajectory):
    counters = {
        "force_calls": 100.0, "network_calls": 50.0, "total_ms": 40.0, "jumps": 100.0, "accepted": 90.0,
        "fallbacks": 4.0, "rejected_bond": 12.0, "projection_rms_nm": 2e-5,
    }  # fmt: skip
    model = trajectory(0, segments=2, frames=51, frame_ps=0.02, **counters)
    return model, trajectory(1, frames=501, frame_ps=0.02, force_calls=5000.0, total_ms=1000.0)


def test_calls_and_time_per_simulated_ps(pair):
    found = {name: value for name, (value, _) in calls_and_time(*pair).items()}
    assert found["force_calls_per_ps"] == pytest.approx(50)
    assert found["network_calls_per_ps"] == pytest.approx(25)
    assert found["ms_per_ps"] == pytest.approx(20)
    assert found["force_call_saving"] == pytest.approx(10)
    assert found["wall_clock_speedup"] == pytest.approx(5)
    assert np.isnan(found["energy_calls_per_ps"])


def test_rejections_are_per_jump(pair):
    found = jump_outcomes(pair[0])
    assert found["accepted_fraction"] == (pytest.approx(0.9), 100)
    assert found["fallback_fraction"][0] == pytest.approx(0.04)
    assert found["rejected_bond"][0] == pytest.approx(0.12)
    assert found["projection_position"][0] == pytest.approx(0.02)
    assert np.isnan(jump_outcomes(pair[1])["accepted_fraction"][0]), "a plain integrator does not jump"
    assert np.isnan(jump_outcomes(pair[1])["lost_fraction"][0])
    assert found["lost_fraction"][0] == 0
    pair[1].counters["lost"] = 5.0
    assert jump_outcomes(pair[1])["lost_fraction"][0] == pytest.approx(5 / 501)


def test_effective_samples_are_those_of_the_slowest_series(trajectory, correlated):
    rng = np.random.default_rng(0)
    run = dataclasses.replace(
        trajectory(0, frames=20001, frame_ps=0.01, force_calls=1e5, total_ms=2000.0),
        potential=correlated(rng, 20001, 0.5)[:, 0],
    )
    slow = 0.01 * correlated(rng, 20001, 0.9)
    found = {name: value for name, (value, _) in effective_sample_size(run, slow, run).items()}
    assert found["ess"] == pytest.approx(20001 * 0.1 / 1.9, rel=0.15)
    assert found["ess_potential"] == pytest.approx(20001 * 0.5 / 1.5, rel=0.15), "the potential forgets faster"
    assert found["ess_per_force_call"] == pytest.approx(found["ess"] / 1e5)
    assert found["ess_per_second"] == pytest.approx(found["ess"] / 2)
    assert found["ess_potential_per_force_call"] == pytest.approx(found["ess_potential"] / 1e5)
    assert found["ess_potential_per_second"] == pytest.approx(found["ess_potential"] / 2)


def test_walkers_that_never_leave_their_wells_have_sampled_no_torsion(trajectory, correlated):
    rng, wells = np.random.default_rng(0), np.repeat([-1.0, 1.0, 1.0, -1.0], 500)[:, None]
    run = dataclasses.replace(
        trajectory(0, segments=4, frames=500, force_calls=1e5, total_ms=2000.0),
        potential=correlated(rng, 2000, 0.5)[:, 0],
    )
    for torsions in (wells, np.concatenate([0.01 * correlated(rng, 2000, 0.5), wells], axis=1)):
        found = {name: value for name, (value, _) in effective_sample_size(run, torsions, run).items()}
        assert np.isnan([found["ess"], found["ess_per_force_call"], found["ess_per_second"]]).all()
        assert found["ess_potential"] > 300


def test_counters_are_of_the_time_that_they_tell(pair):
    model, reference = pair
    model.counters["counted_ps"] = 4.0
    assert calls_and_time(model, reference)["force_calls_per_ps"][0] == pytest.approx(25)


def test_setup_is_counted_in_no_other_time(pair):
    model, reference = pair
    assert setup_seconds(model) == 0
    before = calls_and_time(model, reference)["ms_per_ps"]
    model.counters["setup_ms"] = 2500.0
    assert setup_seconds(model) == 2.5
    assert calls_and_time(model, reference)["ms_per_ps"] == before


def test_break_even(pair):
    model, reference = pair
    assert break_even_ps(model, reference, 16.0) == pytest.approx(16 / 0.08)
    assert np.isnan(break_even_ps(reference, model, 16.0)), "what is slower never pays"


def test_preparation_is_read_from_the_history(tmp_path):
    history = tmp_path / "history.csv"
    history.write_text("step,train_loss,seconds,data_seconds\n1,3.0,2.5,30\n2,2.0,60,\n")
    assert preparation_seconds(history) == 90
    assert preparation_seconds(None) == 0
    history.write_text("step,train_loss\n1,3.0\n")
    assert np.isnan(preparation_seconds(history))
    with pytest.raises(UserError, match="train the member first"):
        preparation_seconds(tmp_path / "absent.csv")
