import itertools
import subprocess
import sys
from pathlib import Path

import h5py
import MDAnalysis
import numpy as np
import pytest
import torch

from mdsnake.config import Engine, SimulateSettings
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import Jump
from mdsnake.families.kstep.pilot import SAMPLING_FRICTION
from mdsnake.physics.integrators import remove_com
from mdsnake.physics.potential import open_potential
from mdsnake.rollout import stage
from mdsnake.simulate.stage import simulate_bursts
from mdsnake.store.h5md import Trajectory
from mdsnake.units import BOLTZMANN
from tests.rollout.case import run, same, settings


def test_a_roll_out_has_the_format_of_a_simulation(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path
) -> None:
    nvt, nve = run(tmp_path, ethane, settings(jump), flexible_engine, ethane_bursts)
    assert (nvt.n_frames, nve.n_frames) == (150, 75)
    assert nvt.frame_ps == pytest.approx(jump.lag_ps)
    assert [s.stop - s.start for s in nvt.segments()] == [50] * 3
    assert nvt.provenance["settings"]["member"] == "verlet"
    assert nvt.provenance["engine"]["friction_per_ps"] == 1.0
    assert nvt.provenance["platform"] == "Reference"
    masses = nvt.masses / nvt.masses.sum()
    np.testing.assert_allclose(np.einsum("fij,i->fj", nvt.positions, masses), 0, atol=1e-6)
    np.testing.assert_allclose(np.einsum("fij,i->fj", nvt.velocities, masses), 0, atol=1e-5)
    assert not (tmp_path / "work").exists()
    with h5py.File(ethane_bursts) as one, h5py.File(tmp_path / "seed0.h5") as other:
        names: list[set[str]] = [set(), set()]
        for file, found in zip((one, other), names, strict=True):
            file.visititems(lambda name, item, found=found: found.add(f"{name} {item.attrs.get('unit')}"))
        assert names[0] == names[1]
    universe = MDAnalysis.Universe(str(ethane / "topology.pdb"), str(tmp_path / "seed0.h5"), format="H5MD")
    assert len(universe.trajectory) == 150
    np.testing.assert_allclose(universe.trajectory[70].positions, 10 * nvt.positions[70], rtol=1e-5)


def test_frames_carry_their_own_energies_and_forces(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path
) -> None:
    nvt, _ = run(tmp_path, ethane, settings(jump, "egnn"), flexible_engine, ethane_bursts, model)
    potential = open_potential(ethane, flexible_engine)
    for index in (0, 60, 149):
        energy, forces = potential.energy_forces(nvt.positions[index].astype(float))
        assert nvt.potential[index] == pytest.approx(energy, abs=1e-3)
        np.testing.assert_allclose(nvt.forces[index], forces, atol=0.2)


def test_the_seed_decides_the_trajectory(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path
) -> None:
    first, second, third = (
        run(tmp_path / name, ethane, settings(jump, seed=seed), flexible_engine, ethane_bursts)[0]
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert same(first, second)
    assert not np.allclose(first.positions, third.positions, atol=1e-4)


def test_verlet_without_thermostat_conserves_energy(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path
) -> None:
    _, nve = run(tmp_path, ethane, settings(jump, nve_ps=0.8), flexible_engine, ethane_bursts)
    total = (nve.potential + nve.kinetic).reshape(3, -1)
    thermal = np.sqrt(nve.degrees_of_freedom / 2) * BOLTZMANN * 300
    assert total.std(axis=1).max() < 0.1 * thermal
    assert np.abs(total[:, -50:].mean(1) - total[:, :50].mean(1)).max() < 0.02 * thermal
    assert nve.kinetic.reshape(3, -1).std(axis=1).min() > 0.3 * thermal
    assert nve.counters["reversibility_rms_nm"] < 1e-9


def test_the_thermostat_is_at_work(
    water: Path, water_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path
) -> None:
    engine = flexible_engine.model_copy(update={"friction_per_ps": 50.0, "temperature_K": 600.0})
    told = settings(jump.model_copy(update={"temperature_K": 600.0}), walkers=12, time_ps=1.0)
    nvt, _ = run(tmp_path, water, told, engine, water_bursts)
    assert nvt.temperature.reshape(12, -1)[:, 50:].mean() == pytest.approx(600, rel=0.06)


def test_nothing_but_the_thermostat_moves_the_zero_control(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path
) -> None:
    nvt, nve = run(tmp_path, ethane, settings(jump, "zero"), flexible_engine, ethane_bursts)
    for trajectory in (nvt, nve):
        assert trajectory.counters["force_calls"] == 0
        for walker in trajectory.segments():
            assert np.ptp(trajectory.positions[walker], axis=0).max() == 0
    assert np.ptp(nve.velocities[:25], axis=0).max() == 0
    assert np.ptp(nvt.velocities[:25], axis=0).max() > 0.1


@pytest.mark.parametrize("friction", [60.0, "auto"])
def test_between_frames_velocities_forget_as_the_friction_says(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path, friction: float | str
) -> None:
    told = settings(jump, "zero", friction_per_ps=friction, time_ps=0.8)
    nvt, _ = run(tmp_path, ethane, told, flexible_engine, ethane_bursts)
    chosen = SAMPLING_FRICTION if friction == "auto" else friction
    assert nvt.provenance["chosen"]["friction_per_ps"] == chosen
    momenta = (nvt.velocities * np.sqrt(nvt.masses)[:, None]).reshape(3, -1, 3 * len(nvt.masses))
    kept = np.sum(momenta[:, 1:] * momenta[:, :-1]) / np.sum(momenta[:, :-1] ** 2)
    expected = np.exp(-chosen * jump.lag_ps)
    assert kept == pytest.approx(expected, abs=4 * np.sqrt((1 - expected**2) / (momenta.size)))


def test_jumps_are_taken_as_often_as_their_energies_and_the_temperature_say(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path
) -> None:
    told = settings(jump, "hmc", hmc_steps=2, extra_chances=0, time_ps=4)
    nvt, _ = run(tmp_path, ethane, told, flexible_engine, ethane_bursts)
    assert nvt.energy_error is not None
    taken = np.exp(-np.maximum(nvt.energy_error.astype(float), 0) / (BOLTZMANN * jump.temperature_K))
    assert 0.3 < taken.mean() < 0.9
    error = np.sqrt(np.sum(taken * (1 - taken))) / len(taken)
    assert nvt.counters["accepted"] / nvt.counters["jumps"] == pytest.approx(taken.mean(), abs=4 * error)


@pytest.mark.parametrize("member", ["ballistic", "verlet", "egnn"])
def test_what_it_cost_is_counted(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path, member: str
) -> None:
    weights = model if member == "egnn" else None
    nvt, nve = run(tmp_path, ethane, settings(jump, member), flexible_engine, ethane_bursts, weights)
    for trajectory, frames in ((nvt, 150), (nve, 75)):
        counted = trajectory.counters
        assert counted["counted_ps"] == pytest.approx(frames * jump.lag_ps)
        if member == "verlet":
            assert counted["force_calls"] == jump.k * frames
            continue
        assert counted["jumps"] == counted["network_calls"] == frames
        assert counted["accepted"] + counted["fallbacks"] == frames
        refused = sum(n for name, n in counted.items() if name.startswith("rejected_"))
        assert refused >= counted["fallbacks"]
        tries = counted["accepted"] + refused
        assert counted["accepted"] <= counted["force_calls"] - jump.k * counted["fallbacks"] <= tries
        assert 0 < counted["network_ms"] < counted["total_ms"]
        assert counted["projection_rms_nm"] == counted["projection_rms_nm_per_ps"] == 0
        assert not [name for name in counted if "_sq_" in name]
    assert "reversibility_rms_nm" in nve.counters
    assert nve.counters.get("rejected_energy", 0) == 0


def test_rigid_bonds_stay_rigid_and_their_corrections_are_counted(
    ethane: Path, mm_engine: Engine, tmp_path: Path
) -> None:
    bursts = tmp_path / "bursts.h5"
    told = SimulateSettings(name="c2h6", engine=mm_engine, bursts=mm_engine.bursts, seed=0)
    simulate_bursts(ethane, told, bursts, tmp_path / "simulating")
    jump = Jump(engine="mm", k=2, timestep_fs=2, temperature_K=300, constraints="hbonds")
    nvt, _ = run(tmp_path, ethane, settings(jump, "ballistic", energy_check="none"), mm_engine, bursts)
    potential = open_potential(ethane, mm_engine)
    i, j = potential.constraints.T
    lengths = np.linalg.norm(nvt.positions[:, i] - nvt.positions[:, j], axis=-1)
    np.testing.assert_allclose(lengths, np.tile(potential.constraint_lengths, (150, 1)), atol=1e-6)
    assert 1e-5 < nvt.counters["projection_rms_nm"] < 1e-2
    assert nvt.counters["projection_rms_nm_per_ps"] > 1e-3


def test_too_few_frames_are_one_clear_line(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"bursts\.h5: 300 frames, but 301 walkers need one each; lower walkers$"):
        run(tmp_path, ethane, settings(jump, walkers=301), flexible_engine, ethane_bursts)
    assert not list(tmp_path.glob("*.h5"))


def test_walkers_start_on_even_frames_and_each_seed_on_others(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine
) -> None:
    potential, reference = open_potential(ethane, flexible_engine), Trajectory.load(ethane_bursts)
    chosen = []
    for seed in (0, 1):
        states = stage.thermal_states(Trajectory.load(ethane_bursts), ethane_bursts, potential, 6, seed)
        gaps = [np.abs(reference.positions - remove_com(s.x, potential.masses)).max((1, 2)) for s in states]
        assert max(gap.min() for gap in gaps) < 1e-6
        chosen.append([int(gap.argmin()) for gap in gaps])
    assert all(set(np.diff(frames)) == {50} for frames in chosen)
    assert not set(chosen[0]) & set(chosen[1])


def test_a_run_shorter_than_its_lag_has_one_frame(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path
) -> None:
    _, nve = run(tmp_path, ethane, settings(jump, nve_ps=1e-4), flexible_engine, ethane_bursts)
    assert nve.n_frames == 3


@pytest.mark.parametrize("member", ["verlet", "ballistic"])
def test_controls_run_without_torch(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, tmp_path: Path, member: str
) -> None:
    told = settings(jump, member, time_ps=0.02, nve_ps=0.02)
    arguments = [str(ethane), "--settings", told.model_dump_json(), "--engine", flexible_engine.plain.model_dump_json()]
    files = {"start": ethane_bursts, "out": tmp_path / "a.h5", "nve": tmp_path / "b.h5", "work": tmp_path / "work"}
    arguments += [text for name, path in files.items() for text in (f"--{name}", str(path))]
    code = (
        "import sys; from mdsnake import cli\n"
        f"cli.app(['rollout', *{arguments!r}], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Trajectory.load(tmp_path / "a.h5").n_frames == 15
    assert torch.__name__ in sys.modules


@pytest.mark.parametrize("member", ["hmc", "hmc-mm", "respa", "egnn"])
def test_exact_members_and_their_controls_run_through_the_stage(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path, member: str
) -> None:
    told = settings(jump, member, friction_per_ps="auto", hmc_steps=3, surrogate_timestep_fs=1.0)
    told = told.model_copy(update={"exact": member == "egnn"})
    nvt, nve = run(tmp_path, ethane, told, flexible_engine, ethane_bursts, model if member == "egnn" else None)
    counters = nvt.counters
    if member == "respa":
        assert "accepted" not in counters
    else:
        assert counters["jumps"] == nvt.n_frames
        assert counters["accepted"] + counters["rejected_energy"] + counters["rejected_nonfinite"] == nvt.n_frames
        assert counters.get("fallbacks", 0) == 0
    still = sum(np.array_equal(a, b) for s in nvt.segments() for a, b in itertools.pairwise(nvt.positions[s]))
    assert still <= counters.get("jumps", 0) - counters.get("accepted", 0)
    moves = counters["force_calls"] / (3 if member == "hmc" else 1)
    taken = nvt.n_frames if nvt.jumps is None else nvt.jumps.sum()
    turned = 0 if nvt.jumps is None else (nvt.jumps == 0).sum()
    most = taken + turned * (1 + told.rollout.extra_chances)
    assert taken + turned <= moves <= most if member == "egnn" else moves == most, "a poor network is given up early"
    assert counters.get("surrogate_calls", 0) == (5 * moves if member in ("hmc-mm", "respa") else 0)
    assert nve.counters["reversibility_rms_nm"] < 1e-6
    assert nvt.provenance["chosen"]["verlet_steps"] == (3 if member == "hmc" else None)
    assert nve.energy_error is None is nve.jumps
    if member == "respa":
        assert nvt.energy_error is None is nvt.jumps
        return
    assert nvt.energy_error is not None
    assert nvt.jumps is not None
    assert counters["counted_ps"] == pytest.approx(jump.lag_ps * np.maximum(nvt.jumps, 1).sum())
    assert (nvt.jumps == 1).sum() == counters["accepted"]
    assert np.isfinite(nvt.energy_error).all()
    assert (nvt.energy_error[nvt.jumps != 1] > 0).all()
    for walker in nvt.segments():
        stays = np.abs(np.diff(nvt.positions[walker], axis=0)).max((1, 2)) == 0
        np.testing.assert_array_equal(stays, nvt.jumps[walker][1:] == 0)
