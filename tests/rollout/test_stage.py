import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import MDAnalysis
import numpy as np
import pytest
import torch

from mdsnake.config import VERSIONS, Engine, SimulateSettings
from mdsnake.errors import OutOfTime, UserError
from mdsnake.families.kstep.config import Jump, Rollout, RolloutSettings
from mdsnake.physics.integrators import remove_com
from mdsnake.physics.potential import open_potential
from mdsnake.rollout import stage
from mdsnake.rollout.stage import rollout
from mdsnake.simulate.stage import simulate_bursts
from mdsnake.store.budget import Budget
from mdsnake.store.h5md import Trajectory
from mdsnake.units import BOLTZMANN
from tests.families.kstep.case import save
from tests.families.kstep.toys import stirred, toy_model

ARRAYS = ("positions", "velocities", "forces", "potential", "segment", "energy_error", "accepted")


def settings(jump: Jump, member: str = "verlet", seed: int = 0, **changes: Any) -> RolloutSettings:
    told = Rollout.model_validate({"walkers": 3, "time_ps": 0.2, "nve_ps": 0.1} | changes)
    return RolloutSettings(member=member, jump=jump, rollout=told, seed=seed)


def run(
    folder: Path, prepared: Path, told: RolloutSettings, engine: Engine, bursts: Path, model: Path | None = None
) -> tuple[Trajectory, Trajectory]:
    paths = folder / "seed0.h5", folder / "seed0.nve.h5"
    rollout(prepared, told, engine, bursts, model, *paths, folder / "work", "cpu")
    return Trajectory.load(paths[0]), Trajectory.load(paths[1])


def same(first: Trajectory, second: Trajectory) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ARRAYS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that proposes nonsense now and then."""
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save(path, stirred(toy_model(width=8, drifts=2), size=0.1))
    return path


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


@pytest.mark.parametrize(("member", "exact"), [("verlet", False), ("egnn", False), ("egnn", True), ("hmc", False)])
@pytest.mark.parametrize("call", [2, 25])
def test_an_interrupted_run_goes_on_and_ends_bitwise_the_same(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, member: str, exact: bool, call: int,
) -> None:  # fmt: skip
    told, weights = settings(jump, member, time_ps=0.1, nve_ps=0.06), model if member == "egnn" else None
    told = told.model_copy(update={"exact": exact})
    whole = run(tmp_path / "whole", ethane, told, flexible_engine, ethane_bursts, weights)
    calls, make = [], stage._piece

    def interrupted(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == call:
            raise KeyboardInterrupt
        return make(*args)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "_piece", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "parted", ethane, told, flexible_engine, ethane_bursts, weights)
    assert not list((tmp_path / "parted").glob("*.h5"))
    again = run(tmp_path / "parted", ethane, told, flexible_engine, ethane_bursts, weights)
    for first, second in zip(whole, again, strict=True):
        assert same(first, second)
        counted = {name: n for name, n in first.counters.items() if not name.endswith("_ms")}
        assert counted == {name: n for name, n in second.counters.items() if not name.endswith("_ms")}
        assert second.counters["total_ms"] > 0


def test_an_interrupted_quantum_run_ends_bitwise_the_same(
    water: Path, qm_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bursts = tmp_path / "bursts.h5"
    simulate_bursts(water, SimulateSettings(name="h2o", engine=qm_engine, seed=0), bursts, tmp_path / "simulating")
    jump = Jump(engine="qm", k=4, timestep_fs=0.5, temperature_K=300, constraints="none")
    told = settings(jump, walkers=2, time_ps=0.008, nve_ps=0.004)
    whole = run(tmp_path / "whole", water, told, qm_engine, bursts)
    calls, make = [], stage._piece

    def interrupted(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return make(*args)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "_piece", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "parted", water, told, qm_engine, bursts)
    again = run(tmp_path / "parted", water, told, qm_engine, bursts)
    assert all(same(first, second) for first, second in zip(whole, again, strict=True))


@pytest.fixture
def begun(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path
) -> dict[str, Any]:
    """What an interrupted roll-out was told, its inputs copies that a test may change."""
    for name in ("graph.json", "system.xml"):
        (tmp_path / "prepared").mkdir(exist_ok=True)
        shutil.copy(ethane / name, tmp_path / "prepared")
    start, weights = shutil.copy(ethane_bursts, tmp_path), shutil.copy(model, tmp_path)
    told = {
        "folder": tmp_path / "job", "prepared": tmp_path / "prepared", "told": settings(jump, "egnn"),
        "engine": flexible_engine, "bursts": Path(start), "model": Path(weights),
    }  # fmt: skip
    with pytest.raises(OutOfTime):
        rollout(
            told["prepared"], told["told"], told["engine"], told["bursts"], told["model"],
            tmp_path / "a.h5", tmp_path / "b.h5", tmp_path / "job/work", "cpu", Budget(1e-9),
        )  # fmt: skip
    return told


def pieces(told: dict[str, Any]) -> int:
    return len(list((told["folder"] / "work").glob("piece*.npz")))


def test_inputs_that_cannot_be_read_cost_no_work(begun: dict[str, Any], tmp_path: Path) -> None:
    kept = pieces(begun)
    assert kept
    spoilt = {
        "prepared": tmp_path / "nowhere",
        "bursts": begun["model"],
        "model": begun["bursts"],
        "engine": begun["engine"].model_copy(update={"timestep_fs": 0.25}),
    }
    for name, value in spoilt.items():
        with pytest.raises(UserError):
            run(**begun | {name: value})
        assert pieces(begun) == kept, name


def other_start(told: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    trajectory = Trajectory.load(told["bursts"])
    trajectory.positions[:, 0, 0] += 1e-4
    trajectory.save(told["bursts"])


def other_model(told: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    save(told["model"], stirred(toy_model(width=8, drifts=2), size=0.2))


def other_version(told: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    patch.setitem(VERSIONS, "rollout", 999)


@pytest.mark.parametrize("change", [other_start, other_model, other_version])
def test_work_on_other_inputs_is_discarded(
    begun: dict[str, Any],
    change: Callable[[dict[str, Any], pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    change(begun, monkeypatch)
    capsys.readouterr()
    found = run(**begun)
    assert "work on other inputs, settings or by another version; discarded" in capsys.readouterr().out
    fresh = run(**begun | {"folder": tmp_path / "fresh"})
    assert all(same(first, second) for first, second in zip(found, fresh, strict=True))


def test_a_resumed_job_stays_on_its_platform(begun: dict[str, Any]) -> None:
    (begun["folder"] / "work/platform").write_text("CPU")
    nvt, _ = run(**begun)
    assert nvt.provenance["platform"] == "CPU"


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


@pytest.mark.parametrize("member", ["ballistic", "verlet", "egnn"])
def test_what_it_cost_is_counted(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path, member: str
) -> None:
    weights = model if member == "egnn" else None
    nvt, nve = run(tmp_path, ethane, settings(jump, member), flexible_engine, ethane_bursts, weights)
    for trajectory, frames in ((nvt, 150), (nve, 75)):
        counted = trajectory.counters
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
    simulate_bursts(ethane, SimulateSettings(name="c2h6", engine=mm_engine, seed=0), bursts, tmp_path / "simulating")
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
    arguments = [str(ethane), "--settings", told.model_dump_json(), "--engine", flexible_engine.model_dump_json()]
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
    assert counters["force_calls"] == nvt.n_frames * (3 if member == "hmc" else 1)
    assert counters.get("surrogate_calls", 0) == (5 * nvt.n_frames if member in ("hmc-mm", "respa") else 0)
    assert nve.counters["reversibility_rms_nm"] < 1e-6
    assert nvt.provenance["chosen"]["hmc_steps"] == 3
    assert nve.energy_error is None is nve.accepted
    if member == "respa":
        assert nvt.energy_error is None is nvt.accepted
        return
    assert nvt.energy_error is not None
    assert nvt.accepted is not None
    assert nvt.accepted.sum() == counters["accepted"]
    assert np.isfinite(nvt.energy_error).all()
    assert (nvt.energy_error[nvt.accepted == 0] > 0).all()
    for walker in nvt.segments():
        stays = np.abs(np.diff(nvt.positions[walker], axis=0)).max((1, 2)) == 0
        np.testing.assert_array_equal(stays, nvt.accepted[walker][1:] == 0)


def test_an_unfinished_job_keeps_to_what_its_pilots_chose(
    ethane: Path, ethane_bursts: Path, flexible_engine: Engine, jump: Jump, model: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    told = settings(jump, "egnn", walkers="auto", friction_per_ps="auto", time_ps=0.04, nve_ps=0.02)
    told, calls, make = told.model_copy(update={"exact": True}), [], stage._piece

    def interrupted(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return make(*args)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "_piece", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, ethane, told, flexible_engine, ethane_bursts, model)
    said = capsys.readouterr().out
    assert "walkers side by side" in said
    assert "friction" in said
    nvt, _ = run(tmp_path, ethane, told, flexible_engine, ethane_bursts, model)
    assert "friction" not in capsys.readouterr().out
    chosen = nvt.provenance["chosen"]
    assert len(list(nvt.segments())) == chosen["walkers"] >= 8
    assert f"friction {chosen['friction_per_ps']:.3g}/ps" in said
