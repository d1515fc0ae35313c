import json
from pathlib import Path

import MDAnalysis
import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import Extent, PrepareSettings, Run, SimulateSettings, System
from mdsnake.physics.generator import BOX, Exact
from mdsnake.physics.surface import MuellerBrown2D
from mdsnake.prepare.surface import prepare_surface
from mdsnake.simulate import surface as stage
from mdsnake.simulate.surface import simulate_surface, starting_points
from mdsnake.store.h5md import Trajectory
from mdsnake.store.pieces import Piece
from mdsnake.units import BOLTZMANN

SURFACE = MuellerBrown2D()
OVERDAMPED = System(kT=15, timestep=5e-5, record=2e-4)
LANGEVIN = System(kT=15, dynamics="langevin", friction=10, timestep=0.005, record=0.01)
ARRAYS = ("positions", "velocities", "forces", "potential", "segment")


def settings(system: System = OVERDAMPED, **changes: object) -> SimulateSettings:
    told = {"name": "mb", "system": system, "seed": 0, "extent": Extent(walkers=12, frames=40)}
    return SimulateSettings.model_validate(told | changes)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of a prepared system of each kind of dynamics."""
    made = {system.dynamics: tmp_path_factory.mktemp(system.dynamics) for system in (OVERDAMPED, LANGEVIN)}
    for system in (OVERDAMPED, LANGEVIN):
        prepare_surface(PrepareSettings(name="mb", system=system), made[system.dynamics])
    return made


def simulated(folders: dict[str, Path], folder: Path, run: Run, told: SimulateSettings | None = None) -> Trajectory:
    told = told or settings()
    simulate_surface(folders[told.system.dynamics], told, run, folder / "out.h5", folder / "work")
    return Trajectory.load(folder / "out.h5")


def test_walkers_are_segments_of_one_trajectory(folders: dict[str, Path], tmp_path: Path) -> None:
    found = simulated(folders, tmp_path, "train")
    assert [segment.stop - segment.start for segment in found.segments()] == [40] * 12
    assert found.positions.shape == (480, 1, 3)
    assert not found.positions[..., 2].any()
    assert not found.velocities.any()
    assert (found.numbers.tolist(), found.masses.tolist()) == ([1], [1.0])
    assert found.frame_ps == 2e-4
    assert found.degrees_of_freedom == 2
    assert found.counters["force_calls"] == 12 * 39 * 4
    assert 0 < found.counters["force_ms"] <= found.counters["total_ms"]
    assert found.provenance["settings"]["system"]["kT"] == 15
    assert found.provenance["run"] == "train"
    assert not (tmp_path / "work").exists()
    x = found.positions[:, 0, :2].astype(float)
    np.testing.assert_allclose(found.potential, SURFACE.energy(x))
    np.testing.assert_allclose(found.forces[:, 0, :2], SURFACE.force(x), rtol=1e-5)


def test_frames_follow_each_other_by_the_equation_of_motion(folders: dict[str, Path], tmp_path: Path) -> None:
    """With a frame for each step, what is left of a step without its force is noise of variance 2 kT dt."""
    system = OVERDAMPED.model_copy(update={"record": OVERDAMPED.timestep})
    prepare_surface(PrepareSettings(name="mb", system=system), tmp_path / "prepared")
    told = settings(system, extent=Extent(walkers=100, frames=200))
    found = simulated({"overdamped": tmp_path / "prepared"}, tmp_path, "train", told)
    x, force = (values[:, 0, :2].reshape(100, 200, 2).astype(float) for values in (found.positions, found.forces))
    noise = np.diff(x, axis=1) - system.timestep * force[:, :-1]
    assert noise.var() == pytest.approx(2 * 15 * system.timestep, rel=0.03)
    assert abs(np.mean(noise[:, 1:] * noise[:, :-1]) / noise.var()) < 0.03
    assert abs(np.mean(noise[..., 0] * noise[..., 1]) / noise.var()) < 0.03


def test_langevin_walkers_have_their_temperature(folders: dict[str, Path], tmp_path: Path) -> None:
    found = simulated(folders, tmp_path, "replica0", settings(LANGEVIN, extent=Extent(walkers=200, frames=30)))
    assert found.temperature.mean() == pytest.approx(15 / BOLTZMANN, rel=0.05)
    assert not found.velocities[..., 2].any()
    steps = np.diff(found.positions[:30, 0, :2], axis=0)
    middle = 0.005 * (found.velocities[1:30] + found.velocities[:29])[:, 0, :2]
    assert np.corrcoef(steps.ravel(), middle.ravel())[0, 1] > 0.9


def test_a_replica_is_at_equilibrium_from_its_first_frame_on(folders: dict[str, Path], tmp_path: Path) -> None:
    exact = Exact.load(folders["overdamped"] / "exact.json")
    found = simulated(folders, tmp_path, "replica0", settings(extent=Extent(walkers=2000, frames=3)))
    x = found.positions[:, 0, :2].reshape(2000, 3, 2)
    for frame in (0, 2):
        assert (exact.committor_at(x[:, frame]) < 0.5).mean() == pytest.approx(exact.below_half, abs=0.027)
    training = simulated(folders, tmp_path / "train", "train", settings(extent=Extent(walkers=200, frames=3)))
    assert (exact.committor_at(training.positions[::3, 0, :2]) < 0.5).mean() < 0.8


def test_starting_points_are_spread_evenly_below_their_limit() -> None:
    x = starting_points(SURFACE, 15, 5000, np.random.default_rng(0))
    limit = SURFACE.energy(SURFACE.SADDLES).min() + 150
    assert x.shape == (5000, 2)
    assert SURFACE.energy(x).max() < limit
    even = np.stack(np.meshgrid(*(np.linspace(*side, 200) for side in BOX), indexing="ij"), -1).reshape(-1, 2)
    even = even[SURFACE.energy(even) < limit]
    np.testing.assert_allclose(x.mean(0), even.mean(0), atol=0.05)
    np.testing.assert_allclose(x.std(0), even.std(0), rtol=0.05)


def test_seed_and_run_decide_the_walkers(folders: dict[str, Path], tmp_path: Path) -> None:
    first = simulated(folders, tmp_path / "a", "train")
    again = simulated(folders, tmp_path / "b", "train")
    np.testing.assert_array_equal(first.positions, again.positions)
    others = [
        simulated(folders, tmp_path / "c", "train", settings(seed=1)),
        simulated(folders, tmp_path / "d", "test"),
        simulated(folders, tmp_path / "e", "train", settings(name="other")),
    ]
    assert not any((other.positions[..., :2] == first.positions[..., :2]).any() for other in others)


@pytest.mark.parametrize("system", [OVERDAMPED, LANGEVIN], ids=lambda system: system.dynamics)
@pytest.mark.parametrize("where", ["between pieces", "inside a piece"])
def test_an_interrupted_run_goes_on_and_ends_bitwise_the_same(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: System, where: str
) -> None:
    monkeypatch.setattr(stage, "SMALLEST_PIECE", 1)
    whole = simulated(folders, tmp_path / "whole", "train", settings(system))
    calls, owner, name = [], *((Piece, "save") if where == "between pieces" else (stage, "propagate"))
    original = getattr(owner, name)

    def interrupted(*args: object) -> object:
        result = original(*args)
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            simulated(folders, tmp_path / "cut", "train", settings(system))
    assert not (tmp_path / "cut/out.h5").exists()
    assert len(list((tmp_path / "cut/work").glob("piece*.npz"))) == (5 if where == "between pieces" else 3)
    resumed = simulated(folders, tmp_path / "cut", "train", settings(system))
    for array in ARRAYS:
        np.testing.assert_array_equal(getattr(resumed, array), getattr(whole, array))
    assert resumed.counters["force_calls"] == whole.counters["force_calls"]


def test_other_programs_open_the_file(folders: dict[str, Path], tmp_path: Path) -> None:
    found = simulated(folders, tmp_path, "test", settings(extent=Extent(walkers=5, frames=40)))
    opened = MDAnalysis.coordinates.H5MD.H5MDReader(str(tmp_path / "out.h5"))
    assert opened.n_frames == 200
    np.testing.assert_allclose(opened[45].positions, 10 * found.positions[45], rtol=1e-6)
    assert opened[45].time == pytest.approx(45 * 2e-4)


@pytest.mark.filterwarnings("error")
def test_an_explosion_is_one_clear_line(tmp_path: Path) -> None:
    system = LANGEVIN.model_copy(update={"timestep": 0.1, "record": 0.1})
    prepare_surface(PrepareSettings(name="mb", system=system), tmp_path)
    with pytest.raises(UserError, match=r"^mb/train: the dynamics exploded in part \d+ of \d+; shorten timestep$"):
        simulated({"langevin": tmp_path}, tmp_path, "train", settings(system))
    assert not (tmp_path / "out.h5").exists()


def test_bad_inputs_are_one_clear_line_and_cost_nothing(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"surface\.json: no such file; run `mdsnake prepare` first"):
        simulated({"overdamped": tmp_path / "none"}, tmp_path, "train")
    warmer = settings(OVERDAMPED.model_copy(update={"kT": 20.0}))
    with pytest.raises(UserError, match=r"surface\.json: system: prepared with other settings"):
        simulated(folders, tmp_path, "train", warmer)
    with pytest.raises(UserError, match="--run"):
        simulated(folders, tmp_path, "frames")  # type: ignore[arg-type]
    told = json.loads((folders["overdamped"] / "surface.json").read_text())
    (tmp_path / "surface.json").write_text(json.dumps(told | {"system": {}}))
    with pytest.raises(UserError, match=r"surface\.json: system"):
        simulated({"overdamped": tmp_path}, tmp_path, "train")
    assert [path.name for path in tmp_path.iterdir()] == ["surface.json"]
