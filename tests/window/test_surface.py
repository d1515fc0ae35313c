from pathlib import Path

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import System, Window, WindowSettings
from mdsnake.store.walkers import load_walkers, paths, walkers_trajectory
from mdsnake.store.windows import Windows
from mdsnake.window.surface import window_surface

SYSTEM = System(kT=15, timestep=1e-4, record=2e-4)
WALKERS, FRAMES = 3, 20


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    made = [tmp_path / f"{split}.h5" for split in ("train", "validation", "test")]
    for file in made:
        x = rng.standard_normal((WALKERS, FRAMES, 2))
        walkers_trajectory(x, 0 * x, -x, (x**2).sum(-1), SYSTEM.record, {}, {}).save(file)
    return made


def settings(**window: object) -> WindowSettings:
    told = {"length": 6, "stride": 4} | window
    return WindowSettings(name="mb", system=SYSTEM, window=Window.model_validate(told))


def test_walkers_come_back_as_they_were(tmp_path: Path) -> None:
    x = np.random.default_rng(1).standard_normal((4, 7, 2)).astype(np.float32)
    walkers_trajectory(x, 2 * x, -x, (x**2).sum(-1), 0.5, {"a": 1}, {"total_ms": 3.0}).save(tmp_path / "a.h5")
    back = load_walkers(tmp_path / "a.h5", 0.5)
    np.testing.assert_array_equal(paths(back, tmp_path / "a.h5"), x)
    assert (back.positions[..., 2] == 0).all()
    assert [s.stop - s.start for s in back.segments()] == [7] * 4
    assert back.counters == {"total_ms": 3.0}


def test_windows_with_the_frame_after_lie_within_a_walker(files: list[Path], tmp_path: Path) -> None:
    window_surface(settings(), [tmp_path] * 3, files, tmp_path / "w.json")
    index = Windows.load(tmp_path / "w.json")
    assert WindowSettings.model_validate(index.about) == settings()
    assert [(g.split, g.trajectory) for g in index.groups] == [(f.stem, str(f)) for f in files]
    for group in index.groups:
        assert group.starts == [FRAMES * w + s for w in range(WALKERS) for s in (0, 4, 8, 12)]


def test_first_windows_alone_where_the_original_is_asked_for(files: list[Path], tmp_path: Path) -> None:
    window_surface(settings(first_only=True), [tmp_path] * 3, files, tmp_path / "w.json")
    train, validation, test = Windows.load(tmp_path / "w.json").groups
    assert train.starts == validation.starts == [0, FRAMES, 2 * FRAMES]
    assert len(test.starts) == 4 * WALKERS


def test_bad_input_is_one_clear_line(files: list[Path], tmp_path: Path) -> None:
    def refused(told: WindowSettings, given: list[Path]) -> str:
        with pytest.raises(UserError) as error:
            window_surface(told, [tmp_path] * len(given), given, tmp_path / "w.json")
        assert not (tmp_path / "w.json").exists()
        return str(error.value)

    other = files[0].rename(tmp_path / "other.h5")
    assert refused(settings(), [other]).startswith(f"{other}: its name tells no split; name it train.h5")
    slower = settings().model_copy(update={"system": SYSTEM.model_copy(update={"record": 4e-4})})
    assert "its frames are 0.0002 apart, not 0.0004; simulate it again" in refused(slower, files[1:])
    assert refused(settings(), files[1:]).endswith(
        "no window to train on; lower window.length or raise trajectories.train.frames"
    )
