import json

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.evaluate.autocorrelation import standard_error
from mdsnake.evaluate.config import EvaluateSettings
from mdsnake.evaluate.metrics import METRICS
from mdsnake.evaluate.records import read_records
from mdsnake.evaluate.stage import evaluate
from mdsnake.store.h5md import Trajectory

SETTINGS = EvaluateSettings(
    molecule="peroxide", split="test", engine="mm", member="egnn", k=4, timestep_fs=1.0, temperature_K=300, seed=0
)


def values(path):
    return {r.metric: r for r in read_records(path)}


def test_metrics_and_floors(evaluated):
    found = values(evaluated / "egnn-k4.csv")
    assert set(found) <= set(METRICS)
    assert found["ke_ratio"].value == pytest.approx(1, abs=0.05)
    assert found["ke_ratio"].floor == pytest.approx(1, abs=0.05)
    assert found["lag_rmsd_ratio"].value == pytest.approx(1, abs=0.1)
    assert found["bond_js"].value > 2 * found["bond_js"].floor, "the model's bonds are 0.8 % too long"
    assert found["bond_rmse"].value == pytest.approx(0.008 * 113 * 1.04, rel=0.15)
    assert found["bond_js"].n == 3
    assert found["flip_rate"].value > 0
    assert found["temperature_H"].value == pytest.approx(300, rel=0.1)
    assert found["force_call_saving"].floor == pytest.approx(1)
    assert found["accepted_fraction"].value == pytest.approx(750 / 796, rel=1e-6)
    assert np.isnan(found["nve_drift"].floor)
    assert found["turned_fraction"].value == 0.25
    assert found["energy_error_spread"].value == pytest.approx(3 / np.sqrt(12) / 2.494, rel=0.01)
    assert found["effective_friction"].value == pytest.approx(1 + 2 * 0.25 / (0.75 * 0.004), rel=0.01)
    assert np.isnan(found["boltzmann_factor"].floor)
    assert "boltzmann_factor" not in values(evaluated / "verlet-k4.csv")
    assert {r.stride_fs for r in found.values()} == {4.0}


def test_a_reference_against_itself_is_perfect(evaluated, tmp_path):
    reference, replica = evaluated / "replica0.h5", evaluated / "replica1.h5"
    out = tmp_path / "self.csv"
    evaluate(evaluated, SETTINGS, *[reference] * 3, replica, None, out, tmp_path / "c.json")
    found = values(out)
    for name in ("bond_js", "angle_js", "torsion_js", "potential_js", "pair_distance_l1", "bond_rmse", "vdos_shift_1"):
        assert found[name].value == 0, name
    for name in ("lag_rmsd_ratio", "lag_rmsd_ratio_10", "torsion_step_ratio", "flip_rate_ratio", "torsion_time_ratio",
                 "force_call_saving", "wall_clock_speedup"):  # fmt: skip
        assert found[name].value == pytest.approx(1), name


def test_what_came_before_the_first_frame_is_won_back(evaluated, tmp_path):
    """Of a training, of the one that it started from, and of pilots and compiling."""
    run, replicas, found = evaluated / "egnn-k4.h5", [evaluated / f"replica{n}.h5" for n in (0, 1)], []
    history, pretraining, set_up = tmp_path / "h.csv", tmp_path / "p.csv", tmp_path / "set-up.h5"
    history.write_text("seconds,data_seconds\n10,20\n")
    pretraining.write_text("seconds,data_seconds\n40,30\n")
    trajectory = Trajectory.load(run)
    trajectory.counters |= {"setup_ms": 1e5, "total_ms": 1.0}
    trajectory.save(set_up)
    for before in (None, pretraining):
        files = tmp_path / "out.csv", tmp_path / "c.json", before
        evaluate(evaluated, SETTINGS, set_up, run, *replicas, history, *files)
        found.append(values(files[0]))
    assert [one["setup"].value for one in found] == [100, 100]
    assert found[1]["break_even"].value == pytest.approx(found[0]["break_even"].value * 200 / 130)


def test_the_energy_shift_has_the_error_of_both_runs(evaluated):
    model, reference = Trajectory.load(evaluated / "egnn-k4.h5"), Trajectory.load(evaluated / "replica0.h5")
    shift = values(evaluated / "egnn-k4.csv")["potential_shift"].value
    error = values(evaluated / "egnn-k4.csv")["potential_shift_error"].value
    assert shift == pytest.approx(model.potential.mean() - reference.potential.mean(), abs=5 * error)
    alone = standard_error(model.potential, model.segments())
    assert alone < error < 2 * alone


def test_frames_unevenly_spaced_in_time_have_no_spectrum(evaluated):
    for member, even in (("egnn", False), ("verlet", True)):
        found = values(evaluated / f"{member}-k4.csv")
        assert np.isfinite(found["vdos_shift_1"].value) == even
        assert np.isfinite(found["lag_rmsd_ratio"].value)


def test_curves_hold_every_frame(evaluated):
    drawn = json.loads((evaluated / "egnn-k8.json").read_text())
    assert drawn["settings"]["k"] == 8
    for of in ("rollout", "reference", "replica"):
        assert sum(drawn["curves"]["torsion"][of]) == drawn["n"][of]
        assert sum(drawn["curves"]["bond"][of]) == 3 * drawn["n"][of]
    assert len(drawn["curves"]["bond"]["rollout"]) == len(drawn["curves"]["bond"]["edges"]) + 1
    assert len(drawn["curves"]["nve"]["rollout"]["x"]) == 50


def test_a_lag_the_reference_has_no_frames_for(evaluated, trajectory, tmp_path):
    odd = tmp_path / "odd.h5"
    trajectory(0, frames=20, frame_ps=0.006).save(odd)
    replicas = evaluated / "replica0.h5", evaluated / "replica1.h5"
    with pytest.raises(UserError, match=r"replica0\.h5.*record_fs"):
        evaluate(evaluated, SETTINGS, odd, odd, *replicas, None, tmp_path / "out.csv", tmp_path / "c.json")
    assert not (tmp_path / "out.csv").exists()


def test_another_molecule_is_refused(evaluated, trajectory, tmp_path):
    other = trajectory(0, frames=20)
    other.numbers = np.array([1, 7, 7, 1])
    other.save(tmp_path / "other.h5")
    paths = [tmp_path / "other.h5"] * 4
    with pytest.raises(UserError, match=r"other\.h5: its atoms are not those of peroxide"):
        evaluate(evaluated, SETTINGS, *paths, None, tmp_path / "out.csv", tmp_path / "c.json")
