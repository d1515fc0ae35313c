from pathlib import Path

import h5py
import MDAnalysis
import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.store.h5md import DIGEST_BLOCK, Trajectory, provenance, sign
from mdsnake.units import BOLTZMANN

LENGTHS = (5, 3)


@pytest.fixture
def trajectory() -> Trajectory:
    """Two segments of water, five and three frames."""
    rng = np.random.default_rng(0)
    n = sum(LENGTHS)
    return Trajectory(
        numbers=np.array([8, 1, 1]), masses=np.array([15.999, 1.008, 1.008]),
        positions=rng.standard_normal((n, 3, 3)).astype(np.float32),
        velocities=rng.standard_normal((n, 3, 3)).astype(np.float32),
        forces=rng.standard_normal((n, 3, 3)).astype(np.float32),
        potential=rng.standard_normal(n), segment=np.repeat([0, 1], LENGTHS), frame_ps=0.004, degrees_of_freedom=6,
        provenance=provenance(settings={"seed": 3}, platform="Reference"), counters={"force_calls": 8.0},
    )  # fmt: skip


def test_what_is_saved_is_loaded(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.save(tmp_path / "a.h5")
    loaded = Trajectory.load(tmp_path / "a.h5")
    for name in ("numbers", "masses", "positions", "velocities", "forces", "potential", "segment"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(trajectory, name))
    assert loaded.frame_ps == 0.004
    assert loaded.degrees_of_freedom == 6
    assert loaded.counters == trajectory.counters
    assert loaded.provenance == trajectory.provenance
    assert loaded.provenance["settings"] == {"seed": 3}
    assert loaded.provenance["platform"] == "Reference"


def test_outcomes_of_jumps_are_kept_where_there_are_some(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.save(tmp_path / "plain.h5")
    plain = Trajectory.load(tmp_path / "plain.h5")
    assert plain.energy_error is None is plain.jumps
    assert plain.every(2).jumps is None
    trajectory.energy_error = np.linspace(-1, 5, 8)
    trajectory.energy_error[2] = np.finfo(np.float32).max
    trajectory.jumps = np.array([1, 3, 0, 1, 0, 21, 0, 0])
    trajectory.save(tmp_path / "a.h5")
    loaded = Trajectory.load(tmp_path / "a.h5")
    np.testing.assert_array_equal(loaded.energy_error, trajectory.energy_error.astype(np.float32))
    np.testing.assert_array_equal(loaded.jumps, trajectory.jumps)
    np.testing.assert_array_equal(loaded.every(2).jumps, [1, 0, 0, 21, 0])
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["observables/energy_error/value"].attrs["unit"] == "kJ mol-1"
    opened = MDAnalysis.coordinates.H5MD.H5MDReader(str(tmp_path / "a.h5"))
    np.testing.assert_allclose(opened[3].positions, 10 * trajectory.positions[3], rtol=1e-6)
    assert opened[3].data["energy_error"] == loaded.energy_error[3]


def test_every_dataset_has_its_unit(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        units = {
            name: file[f"particles/trajectory/{name}/value"].attrs["unit"] for name in ("position", "velocity", "force")
        }
        assert units == {"position": "nm", "velocity": "nm ps-1", "force": "kJ mol-1 nm-1"}
        assert file["observables/potential_energy/value"].attrs["unit"] == "kJ mol-1"
        np.testing.assert_allclose(file["observables/temperature/value"][:], trajectory.temperature)


def test_steps_and_times_are_stored_once(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        elements = [*file["observables"].values(), file["particles/trajectory/position"]]
        assert {element["time"] == file["parameters/mdsnake/time"] for element in elements} == {True}
        np.testing.assert_allclose(elements[-1]["time"][:], 0.004 * np.arange(8))
        np.testing.assert_array_equal(elements[-1]["step"][:], np.arange(8))
        assert elements[-1]["time"].attrs["unit"] == "ps"


def test_temperature_is_kinetic_energy_per_degree_of_freedom(trajectory: Trajectory) -> None:
    kinetic = 0.5 * (trajectory.masses[:, None] * trajectory.velocities.astype(float) ** 2).sum((1, 2))
    np.testing.assert_allclose(trajectory.temperature, kinetic / (0.5 * 6 * BOLTZMANN))


def test_segments_and_time(trajectory: Trajectory) -> None:
    assert list(trajectory.segments()) == [slice(0, 5), slice(5, 8)]
    assert trajectory.simulated_ps == pytest.approx(0.004 * 6)
    trajectory.jumps = np.array([1, 3, 0, 1, 1, 0, 2, 1])
    assert trajectory.simulated_ps == pytest.approx(0.004 * 6 * 11 / 8), "a turn takes a lag, a jump on two or more"


def test_every_stays_inside_segments(trajectory: Trajectory) -> None:
    thinned = trajectory.every(2)
    np.testing.assert_array_equal(thinned.potential, trajectory.potential[[0, 2, 4, 5, 7]])
    assert thinned.frame_ps == pytest.approx(0.008)
    assert list(thinned.segments()) == [slice(0, 3), slice(3, 5)]
    np.testing.assert_allclose(thinned.kinetic, trajectory.kinetic[[0, 2, 4, 5, 7]])


def test_truncated_foreign_and_missing_files_are_one_clear_line(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.save(tmp_path / "a.h5")
    content = (tmp_path / "a.h5").read_bytes()
    for kept in (0, 100, len(content) // 2, len(content) - 10):
        (tmp_path / "cut.h5").write_bytes(content[:kept])
        with pytest.raises(UserError, match=r"cut\.h5: truncated or not an mdsnake trajectory") as error:
            Trajectory.load(tmp_path / "cut.h5")
        assert "\n" not in str(error.value)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(UserError, match=r"other\.h5: parameters/mdsnake: not there"):
        Trajectory.load(tmp_path / "other.h5")
    with pytest.raises(UserError, match=r"nowhere\.h5: no such trajectory"):
        Trajectory.load(tmp_path / "nowhere.h5")


@pytest.mark.parametrize("name", ["position", "velocity", "force"])
def test_a_wrong_unit_is_refused(trajectory: Trajectory, tmp_path: Path, name: str) -> None:
    trajectory.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file[f"particles/trajectory/{name}/value"].attrs["unit"] = "Angstrom"
    sign(tmp_path / "a.h5")
    with pytest.raises(UserError, match=f"{name}/value: the unit is 'Angstrom'"):
        Trajectory.load(tmp_path / "a.h5")


def test_frames_that_are_missing_are_noticed(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["parameters/mdsnake"].attrs["n_frames"] = 9
    sign(tmp_path / "a.h5")
    with pytest.raises(UserError, match=r"position/value: of shape \(8, 3, 3\), expected \(9, 3, 3\)"):
        Trajectory.load(tmp_path / "a.h5")


def test_any_change_of_the_file_is_noticed(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.save(tmp_path / "a.h5")
    content = bytearray((tmp_path / "a.h5").read_bytes())
    for place in np.linspace(DIGEST_BLOCK, len(content) - 1, 50).astype(int):
        content[place] ^= 1
        (tmp_path / "b.h5").write_bytes(content)
        with pytest.raises(UserError, match="truncated or not an mdsnake trajectory"):
            Trajectory.load(tmp_path / "b.h5")
        content[place] ^= 1


def test_other_programs_open_the_file(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.save(tmp_path / "a.h5")
    opened = MDAnalysis.coordinates.H5MD.H5MDReader(str(tmp_path / "a.h5"))
    assert opened.n_frames == 8
    np.testing.assert_allclose(opened.ts.positions, 10 * trajectory.positions[0], rtol=1e-6)


def test_a_failed_save_leaves_no_file(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.provenance["bad"] = object()
    with pytest.raises(TypeError):
        trajectory.save(tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


def test_what_a_propagator_exploded_to_can_be_read_where_asked(trajectory: Trajectory, tmp_path: Path) -> None:

    trajectory.positions[-1] = np.nan
    trajectory.save(tmp_path / "a.h5")
    with pytest.raises(UserError, match="not all numbers are finite"):
        Trajectory.load(tmp_path / "a.h5")
    assert np.isnan(Trajectory.load(tmp_path / "a.h5", finite=False).positions[-1]).all()
