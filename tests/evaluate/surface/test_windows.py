"""Test windows beside the walkers that they are cut from."""

from pathlib import Path

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.evaluate.surface.windows import load_test_windows
from mdsnake.families.trajbert.config import System, Window, WindowSettings
from mdsnake.families.trajbert.states import next_basin
from mdsnake.physics.surface import SURFACES
from mdsnake.store.walkers import walkers_trajectory
from mdsnake.store.windows import Windows
from mdsnake.window.surface import window_surface

OVERDAMPED = System(kT=15, timestep=1e-4, record=2e-4)
LANGEVIN = System(kT=15, dynamics="langevin", friction=5.0, timestep=1e-3, record=1e-3)
WALKERS, FRAMES, LENGTH, STRIDE = 5, 30, 8, 6


@pytest.mark.parametrize("system", [OVERDAMPED, LANGEVIN])
def test_windows_are_of_their_walkers(system: System, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    minima = np.resize(SURFACES[system.surface].MINIMA, (WALKERS, 1, 2))
    x = (minima + 0.3 * rng.standard_normal((WALKERS, FRAMES, 2))).astype(np.float32)
    v = rng.standard_normal(x.shape).astype(np.float32)
    files = [tmp_path / f"{split}.h5" for split in ("train", "test")]
    walkers_trajectory(x[::-1], v[::-1], 0 * x, x[..., 0], system.record, {}, {}).save(files[0])
    walkers_trajectory(x, v, 0 * x, x[..., 0], system.record, {}, {}).save(files[1])
    about = WindowSettings(name="mb", system=system, window=Window(length=LENGTH, stride=STRIDE))
    window_surface(about, [tmp_path] * 2, files, tmp_path / "windows.json")

    found = load_test_windows(tmp_path / "windows.json", system)
    starts = np.arange(0, FRAMES - LENGTH, STRIDE)
    np.testing.assert_array_equal(found.start, np.tile(starts, WALKERS))
    state = next_basin(system.surface, x.reshape(-1, 2), np.repeat(np.arange(WALKERS), FRAMES)).reshape(WALKERS, FRAMES)
    assert {*state.ravel()} == {-1, 0, 1}
    for values, of_walkers, later in (
        (found.x, x, 0), (found.v, v, 0), (found.following, x, 1), (found.state, state, 0),
    ):  # fmt: skip
        expected = [walker[start + later : start + later + LENGTH] for walker in of_walkers for start in starts]
        np.testing.assert_array_equal(values, expected)


def test_windows_of_other_dynamics_are_refused(tmp_path: Path) -> None:
    about = WindowSettings(name="mb", system=OVERDAMPED, window=Window(length=LENGTH))
    Windows(about.model_dump(mode="json"), []).save(tmp_path / "windows.json")
    with pytest.raises(UserError, match=r"windows\.json: made for other dynamics; run `mdsnake window` for these"):
        load_test_windows(tmp_path / "windows.json", LANGEVIN)
