import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import MDAnalysis
import numpy as np
import pytest

from mdsnake.config import VERSIONS, Engine, SimulateSettings
from mdsnake.errors import UserError
from mdsnake.simulate import stage
from mdsnake.simulate.mm import MMDynamics
from mdsnake.simulate.stage import simulate, simulate_bursts, simulate_replica
from mdsnake.store.h5md import Trajectory, sign
from mdsnake.store.pieces import Piece
from mdsnake.units import BOLTZMANN

ARRAYS = ("positions", "velocities", "forces", "potential", "segment")


def settings(engine: Engine, seed: int = 0, **changes: object) -> SimulateSettings:
    engine = Engine.model_validate(engine.model_dump() | changes)
    return SimulateSettings(name="ethane", engine=engine.plain, bursts=engine.bursts, seed=seed)


def same(first: Trajectory, second: Trajectory) -> bool:
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ARRAYS)


def replica(prepared: Path, told: SimulateSettings, folder: Path, index: int = 0) -> Trajectory:
    simulate_replica(prepared, told, index, folder / "out.h5", folder / "work")
    return Trajectory.load(folder / "out.h5")


def test_a_replica_has_its_frames_and_says_what_it_cost(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    trajectory = replica(ethane, settings(mm_engine), tmp_path)
    assert trajectory.n_frames == 1251
    assert trajectory.simulated_ps == pytest.approx(10)
    assert trajectory.counters["force_calls"] == 5000
    assert 0 < trajectory.counters["force_ms"] <= trajectory.counters["total_ms"]
    assert trajectory.provenance["platform"] == "Reference"
    assert trajectory.provenance["settings"]["seed"] == 0
    assert not (tmp_path / "work").exists()
    masses = trajectory.masses / trajectory.masses.sum()
    np.testing.assert_allclose(np.einsum("fij,i->fj", trajectory.positions, masses), 0, atol=1e-6)
    np.testing.assert_allclose(np.einsum("fij,i->fj", trajectory.velocities, masses), 0, atol=1e-5)


def test_the_temperature_is_right(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    told = settings(mm_engine, production_ps=100, friction_per_ps=10, record_fs=20)
    trajectory = replica(ethane, told, tmp_path)
    blocks = trajectory.temperature[1:].reshape(25, -1).mean(1)
    error = blocks.std(ddof=1) / 5
    assert error < 4
    assert abs(blocks.mean() - 300) < 4 * error
    expected = trajectory.degrees_of_freedom / 2 * (300 * BOLTZMANN) ** 2
    assert trajectory.kinetic.var() == pytest.approx(expected, rel=0.25)


def test_the_seed_and_the_replica_decide_the_trajectory(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    told = settings(mm_engine, production_ps=1)
    first = replica(ethane, told, tmp_path / "a")
    assert same(first, replica(ethane, told, tmp_path / "b"))
    for number, other in enumerate(
        [
            replica(ethane, told, tmp_path / "c", index=1),
            replica(ethane, settings(mm_engine, seed=1, production_ps=1), tmp_path / "d"),
        ]
    ):
        assert not np.allclose(first.positions, other.positions, atol=1e-3), number


class Interruption:
    """Raises Ctrl-C at the `count`-th call of a wrapped function, before or after it has run."""

    def __init__(self, function: Callable, count: int, after: bool = False) -> None:
        self.function, self.left, self.after = function, count, after

    def __get__(self, instance: object, owner: type) -> Callable:
        return lambda *args, **kwargs: self(instance, *args, **kwargs)

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise KeyboardInterrupt
        result = self.function(*args, **kwargs)
        if self.left == 0:
            raise KeyboardInterrupt
        return result


@pytest.fixture
def many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short runs are cut up like long ones."""
    monkeypatch.setattr(stage, "SMALLEST_PIECE", {"openmm": 1, "ase": 1})


@pytest.mark.usefixtures("many_pieces")
@pytest.mark.parametrize("where", ["between pieces", "inside a piece"])
@pytest.mark.parametrize("run", ["replica", "bursts", "bursts from others"])
@pytest.mark.parametrize("kind", ["mm", "qm"])
def test_an_interrupted_run_goes_on_and_ends_bitwise_the_same(
    request: pytest.FixtureRequest, ethane: Path, water: Path, tmp_path: Path, where: str, run: str, kind: str
) -> None:
    engine: Engine = request.getfixturevalue(f"{kind}_engine")
    changes = {"production_ps": 2, "bursts": {"count": 30, "length_fs": 16, "spacing_ps": 0.02}} if kind == "mm" else {}
    told, prepared, start = settings(engine, **changes), ethane if kind == "mm" else water, None
    if run == "bursts from others":
        start = tmp_path / "others.h5"
        simulate_bursts(prepared, told, start, tmp_path / "others")
        told = told.model_copy(update={"bursts": told.bursts.model_copy(update={"start": "others"})})

    def simulate(folder: Path) -> Trajectory:
        out, work = folder / "out.h5", folder / "work"
        if run == "replica":
            simulate_replica(prepared, told, 0, out, work)
        else:
            simulate_bursts(prepared, told, out, work, start)
        return Trajectory.load(out)

    whole = simulate(tmp_path / "whole")
    with pytest.MonkeyPatch.context() as patch:
        if where == "between pieces":
            patch.setattr(Piece, "save", Interruption(Piece.save, 2, after=True))
        else:
            from mdsnake.simulate.qm import QMDynamics

            dynamics = MMDynamics if kind == "mm" else QMDynamics
            patch.setattr(dynamics, "_run", Interruption(dynamics._run, 5 if start and kind == "mm" else 3, after=True))
        with pytest.raises(KeyboardInterrupt):
            simulate(tmp_path / "cut")
    assert not (tmp_path / "cut/out.h5").exists()
    done = len(list((tmp_path / "cut/work").glob("piece*.npz")))
    assert done >= 1
    resumed = simulate(tmp_path / "cut")
    assert same(whole, resumed)
    assert resumed.counters["force_calls"] == whole.counters["force_calls"]
    assert not (tmp_path / "cut/work").exists()


def interrupted(prepared: Path, told: SimulateSettings, folder: Path) -> None:
    """Three pieces of a replica."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Piece, "save", Interruption(Piece.save, 3, after=True))
        with pytest.raises(KeyboardInterrupt):
            replica(prepared, told, folder)


@pytest.mark.usefixtures("many_pieces")
@pytest.mark.parametrize("changed", ["nothing", "settings", "version", "system.xml", "graph.json"])
def test_work_on_other_inputs_or_by_another_version_is_discarded(
    ethane: Path,
    mm_engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changed: str,
) -> None:
    prepared, told = Path(shutil.copytree(ethane, tmp_path / "ethane")), settings(mm_engine, production_ps=1)
    interrupted(prepared, told, tmp_path / "cut")
    assert "going on" not in capsys.readouterr().out
    if changed == "settings":
        told = settings(mm_engine, seed=1, production_ps=1)
    elif changed == "version":
        monkeypatch.setitem(VERSIONS, "simulate", 99)
    elif changed != "nothing":
        text = (prepared / changed).read_text()
        (prepared / changed).write_text(re.sub(r"(\d\.\d{3})\d", r"\g<1>7", text, count=1))
        assert (prepared / changed).read_text() != text
    resumed = replica(prepared, told, tmp_path / "cut")
    discarded = f"{tmp_path}/cut/work: work on other inputs, settings or by another version; discarded\n"
    assert capsys.readouterr().out.startswith(discarded) is (changed != "nothing")
    assert same(resumed, replica(prepared, told, tmp_path / "whole"))


@pytest.mark.usefixtures("many_pieces")
@pytest.mark.parametrize("fault", ["no such folder", "no graph", "no system", "a bad system"])
def test_a_bad_input_costs_no_work(ethane: Path, mm_engine: Engine, tmp_path: Path, fault: str) -> None:
    prepared, told = Path(shutil.copytree(ethane, tmp_path / "ethane")), settings(mm_engine, production_ps=1)
    interrupted(prepared, told, tmp_path / "cut")
    if fault == "no such folder":
        prepared = tmp_path / "ethan"
    elif fault == "a bad system":
        (prepared / "system.xml").write_text("<System/>")
    else:
        (prepared / {"no graph": "graph.json", "no system": "system.xml"}[fault]).unlink()
    with pytest.raises(UserError):
        replica(prepared, told, tmp_path / "cut")
    assert len(list((tmp_path / "cut/work").glob("piece*.npz"))) == 3


def test_bursts_conserve_energy_and_keep_rotation(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    told = settings(mm_engine, timestep_fs=1)
    simulate_bursts(ethane, told, tmp_path / "bursts.h5", tmp_path / "work")
    bursts = Trajectory.load(tmp_path / "bursts.h5")
    assert bursts.n_frames == 3 * 65
    assert bursts.simulated_ps == pytest.approx(3 * 0.064)
    assert bursts.counters["force_calls"] == 3 * (100 + 64)
    energy = bursts.potential + bursts.kinetic
    spin = np.cross(bursts.positions, bursts.velocities).transpose(0, 2, 1) @ bursts.masses
    starts = []
    for segment in bursts.segments():
        assert segment.stop - segment.start == 65
        assert np.ptp(energy[segment]) < 0.15 * np.ptp(bursts.kinetic[segment])
        np.testing.assert_allclose(spin[segment], spin[segment][:1] + 0 * spin[segment], atol=1e-3)
        assert np.linalg.norm(spin[segment.start]) > 0.01
        starts.append(bursts.positions[segment.start])
    assert np.abs(starts[1] - starts[0]).max() > 1e-3


def test_friction_decides_how_alike_the_energies_of_bursts_are(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    def likeness(friction: float | None) -> float:
        bursts = {"count": 80, "length_fs": 1, "spacing_ps": 0.05, "friction_per_ps": friction}
        out = tmp_path / f"{friction}.h5"
        simulate_bursts(ethane, settings(mm_engine, timestep_fs=1, bursts=bursts), out, tmp_path / "work")
        found = Trajectory.load(out)
        energy = (found.potential + found.kinetic)[[segment.start for segment in found.segments()]]
        return float(np.corrcoef(energy[:-1], energy[1:])[0, 1])

    assert likeness(None) > 0.7
    assert likeness(60.0) < 0.4


def scattered(ethane: Path, mm_engine: Engine, folder: Path, count: int) -> tuple[Path, SimulateSettings]:
    """Bursts of flexible bonds, and settings of others that start from them, with rigid ones and much friction."""
    told = settings(mm_engine, timestep_fs=1, constraints="none")
    simulate_bursts(ethane, told, folder / "first.h5", folder / "first")
    bursts = {"count": count, "length_fs": 8, "spacing_ps": 0.001, "friction_per_ps": 1000, "start": "flex"}
    return folder / "first.h5", settings(mm_engine, timestep_fs=1, bursts=bursts)


@pytest.mark.usefixtures("many_pieces")
def test_bursts_start_from_those_of_another_engine(
    ethane: Path,
    mm_engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, told = scattered(ethane, mm_engine, tmp_path, count=40)
    spaced, calls = MMDynamics.nvt, []
    monkeypatch.setattr(MMDynamics, "nvt", lambda *inputs: calls.append(1) or spaced(*inputs))
    capsys.readouterr()
    simulate_bursts(ethane, told, tmp_path / "bursts.h5", tmp_path / "work", first)
    assert len(calls) == 40, "nothing is equilibrated"
    assert re.match(r"c2h6 openmm bursts: \d+ %", capsys.readouterr().out)
    places, bursts = Trajectory.load(first), Trajectory.load(tmp_path / "bursts.h5")
    starts = [segment.start for segment in bursts.segments()]
    assert len(starts) == 40
    frames = np.linspace(0, places.n_frames - 1, 40).astype(int)
    moved = np.linalg.norm(bursts.positions[starts] - places.positions[frames], axis=-1)
    assert 1e-5 < moved.max() < 0.02, "a femtosecond on from its own place, at a few nm/ps"
    bonds = np.linalg.norm(bursts.positions[starts, 2:5] - bursts.positions[starts, :1], axis=-1)
    assert np.ptp(bonds) < 1e-5, "bonds to hydrogen are rigid here"
    temperature = 300 * bursts.kinetic[starts] / (0.5 * bursts.degrees_of_freedom * BOLTZMANN * 300)
    assert temperature.mean() == pytest.approx(300, rel=4 * (2 / (40 * bursts.degrees_of_freedom)) ** 0.5)
    velocities = bursts.velocities[starts].reshape(40, -1)
    likeness = np.corrcoef(velocities)[np.triu_indices(40, 1)]
    assert abs(likeness.mean()) < 0.05, "each has velocities of its own"
    assert bursts.counters["force_calls"] == 40 * (1 + 8)


@pytest.mark.usefixtures("many_pieces")
def test_bursts_from_other_places_begin_anew(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    first, told = scattered(ethane, mm_engine, tmp_path, count=40)
    other, out, work = tmp_path / "other.h5", tmp_path / "out.h5", tmp_path / "work"
    simulate_bursts(ethane, settings(mm_engine, seed=1, timestep_fs=1), other, tmp_path / "first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Piece, "save", Interruption(Piece.save, 2, after=True))
        with pytest.raises(KeyboardInterrupt):
            simulate_bursts(ethane, told, out, work, first)
    simulate_bursts(ethane, told, out, work, other)
    simulate_bursts(ethane, told, tmp_path / "whole.h5", tmp_path / "whole", other)
    assert same(Trajectory.load(out), Trajectory.load(tmp_path / "whole.h5"))


def test_where_bursts_start_is_told_twice_or_not_at_all(
    ethane: Path, water: Path, mm_engine: Engine, tmp_path: Path
) -> None:
    first, told = scattered(ethane, mm_engine, tmp_path, count=2)
    out, work = tmp_path / "bursts.h5", tmp_path / "work"
    with pytest.raises(UserError, match="--start: needed"):
        simulate_bursts(ethane, told, out, work)
    with pytest.raises(UserError, match="--start: needed"):
        simulate_bursts(ethane, settings(mm_engine, timestep_fs=1), out, work, first)
    with pytest.raises(UserError, match="leave it out"):
        simulate(ethane, told, "replica0", out, work, first)
    with pytest.raises(UserError, match=r"first.h5: its atoms are not those of graph.json"):
        simulate_bursts(water, told, out, work, first)


def test_a_burst_steps_by_its_own_velocities_and_forces(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    told = settings(mm_engine, timestep_fs=0.5, constraints="none", record_fs=1)
    simulate_bursts(ethane, told, tmp_path / "bursts.h5", tmp_path / "work")
    burst, dt = Trajectory.load(tmp_path / "bursts.h5"), 5e-4
    x, v, acceleration = burst.positions, burst.velocities, burst.forces / burst.masses[:, None]
    first = slice(0, next(burst.segments()).stop - 1)
    after = slice(1, first.stop + 1)
    np.testing.assert_allclose(x[first] + dt * v[first] + dt**2 / 2 * acceleration[first], x[after], atol=1e-6)
    np.testing.assert_allclose(v[first] + dt / 2 * (acceleration[first] + acceleration[after]), v[after], atol=1e-4)


def test_quantum_dynamics_of_water(water: Path, qm_engine: Engine, tmp_path: Path) -> None:
    told = settings(qm_engine)
    simulate_bursts(water, told, tmp_path / "bursts.h5", tmp_path / "work")
    bursts = Trajectory.load(tmp_path / "bursts.h5")
    assert bursts.n_frames == 2 * 41
    energy = bursts.potential + bursts.kinetic
    for segment in bursts.segments():
        assert np.ptp(energy[segment]) < 0.1 * np.ptp(bursts.kinetic[segment])
    trajectory = replica(water, told, tmp_path)
    assert trajectory.n_frames == 41
    assert trajectory.counters["force_calls"] == 80
    assert 0 < trajectory.counters["force_ms"] < trajectory.counters["total_ms"]
    assert trajectory.degrees_of_freedom == 6
    assert trajectory.provenance["calculator"] == "tblite:GFN2-xTB"
    assert "tblite" in trajectory.provenance
    assert 10 < trajectory.temperature.mean() < 1500


def test_mdanalysis_opens_the_file(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    trajectory = replica(ethane, settings(mm_engine, production_ps=1), tmp_path)
    universe = MDAnalysis.Universe(str(ethane / "topology.pdb"), str(tmp_path / "out.h5"), format="H5MD")
    assert len(universe.trajectory) == trajectory.n_frames
    for index in (0, 7):
        step = universe.trajectory[index]
        np.testing.assert_allclose(step.positions, 10 * trajectory.positions[index], rtol=1e-5)
        np.testing.assert_allclose(step.velocities, 10 * trajectory.velocities[index], rtol=1e-5)
        np.testing.assert_allclose(step.forces, trajectory.forces[index] / 10, rtol=1e-5)
    assert universe.trajectory[1].time == pytest.approx(0.008)


def test_an_explosion_is_one_clear_line(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    told = settings(mm_engine, constraints="none", timestep_fs=20, record_fs=20)
    with pytest.raises(UserError, match=r"^c2h6: .*openmm|^c2h6: OpenMM stopped") as error:
        replica(ethane, told, tmp_path)
    assert "timestep_fs" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.h5").exists()


def test_an_unprepared_molecule_is_one_clear_line(mm_engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mdsnake prepare"):
        replica(tmp_path / "nothing", settings(mm_engine), tmp_path)


def test_a_full_disk_leaves_nothing_half_written(
    ethane: Path, mm_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    told = settings(mm_engine, production_ps=1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UserError, match="disk is full"):
            replica(ethane, told, tmp_path)
    assert not (tmp_path / "out.h5").exists()
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".h5", ".npz")]
    assert replica(ethane, told, tmp_path).n_frames == 126


@pytest.mark.usefixtures("many_pieces")
def test_progress_is_told(ethane: Path, mm_engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replica(ethane, settings(mm_engine, production_ps=1), tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert "equilibrated" in lines[0]
    assert "12 %" in lines[3]
    assert "100 %" in lines[-1]
    assert "ns/day" in lines[-1]


def test_a_truncated_result_is_refused(ethane: Path, mm_engine: Engine, tmp_path: Path) -> None:
    replica(ethane, settings(mm_engine, production_ps=1), tmp_path)
    whole, cut = tmp_path / "out.h5", tmp_path / "cut.h5"
    for kept in (0.3, 0.7, 0.99):
        cut.write_bytes(whole.read_bytes()[: int(kept * whole.stat().st_size)])
        with pytest.raises(UserError, match=r"cut\.h5: truncated"):
            Trajectory.load(cut)
    foreign = shutil.copy(whole, tmp_path / "foreign.h5")
    with h5py.File(foreign, "a") as file:
        file["particles/trajectory/position/value"].attrs["unit"] = "Angstrom"
    sign(foreign)
    with pytest.raises(UserError, match=r"foreign\.h5: .*position.* the unit is 'Angstrom', expected 'nm'"):
        Trajectory.load(foreign)
