from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.families.kstep.config import Jump, WindowSettings
from mdsnake.store.h5md import Trajectory
from mdsnake.store.windows import Windows
from mdsnake.window.stage import pair_starts, window

LENGTHS = (10, 3, 25, 4)


@pytest.fixture
def bursts() -> Trajectory:
    """Bursts of different lengths, one atom."""
    n = sum(LENGTHS)
    return Trajectory(
        numbers=np.array([1]), masses=np.array([1.0]), positions=np.zeros((n, 1, 3)), velocities=np.zeros((n, 1, 3)),
        forces=np.zeros((n, 1, 3)), potential=np.zeros(n), segment=np.repeat(range(4), LENGTHS), frame_ps=0.001,
        degrees_of_freedom=0,
    )  # fmt: skip


@pytest.fixture
def inputs(ethane: Path, water: Path, ethane_bursts: Path, water_bursts: Path) -> tuple[list[Path], list[Path]]:
    return [ethane, water], [ethane_bursts, water_bursts]


def settings(jump: Jump, splits: dict[str, str], **changes: Any) -> WindowSettings:
    told = {"jump": jump, "stride": 4, "splits": splits, "validation_fraction": 0.25, "seed": 0}
    return WindowSettings.model_validate(told | changes)


@pytest.mark.parametrize("k", [2, 3, 9])
@pytest.mark.parametrize("stride", [1, 4])
def test_pairs_lie_inside_bursts_and_are_spaced_by_the_stride(bursts: Trajectory, k: int, stride: int) -> None:
    starts = np.array(pair_starts(bursts, k, stride))
    np.testing.assert_array_equal(bursts.segment[starts], bursts.segment[starts + k])
    expected = [list(range(s.start, s.stop - k, stride)) for s in bursts.segments()]
    assert starts.tolist() == [start for burst in expected for start in burst]
    assert len(starts) == sum(len(range(0, n - k, stride)) for n in LENGTHS)


def test_bursts_that_are_too_short_have_no_pair(bursts: Trajectory) -> None:
    assert pair_starts(bursts, 25, 1) == []


def test_the_split_is_by_molecule(inputs: tuple[list[Path], list[Path]], jump: Jump, tmp_path: Path) -> None:
    window(settings(jump, {"c2h6": "validation", "h2o": "train"}), *inputs, tmp_path / "k4.json")
    found = Windows.load(tmp_path / "k4.json")
    assert found.about == jump.model_dump()
    assert {(g.system, g.split) for g in found.groups} == {("c2h6", "validation"), ("h2o", "train")}
    for group, prepared, bursts in zip(found.groups, *inputs, strict=True):
        assert (group.prepared, group.trajectory) == (str(prepared), str(bursts))
        assert group.starts == pair_starts(Trajectory.load(bursts), jump.k, 4)
        assert len(group.starts) == 12 * 6


def test_validation_is_held_back_where_no_molecule_is(
    inputs: tuple[list[Path], list[Path]], jump: Jump, tmp_path: Path
) -> None:
    window(settings(jump, {"c2h6": "train", "h2o": "test"}), *inputs, tmp_path / "k4.json")
    train, validation, test = Windows.load(tmp_path / "k4.json").groups
    assert [(g.system, g.split) for g in (train, validation, test)] == [
        ("c2h6", "train"), ("c2h6", "validation"), ("h2o", "test")
    ]  # fmt: skip
    bursts = Trajectory.load(inputs[1][0])
    assert train.starts + validation.starts == pair_starts(bursts, jump.k, 4)
    assert len(validation.starts) == pytest.approx(0.25 * 72, abs=3)
    assert not set(bursts.segment[train.starts]) & set(bursts.segment[validation.starts])


@pytest.mark.parametrize(("fraction", "splits"), [(0.0, ["train"]), (1.0, ["train"]), (0.01, ["train", "validation"])])
def test_holding_back_leaves_something_to_train_on(
    inputs: tuple[list[Path], list[Path]], jump: Jump, tmp_path: Path, fraction: float, splits: list[str]
) -> None:
    told = settings(jump, {"c2h6": "train", "h2o": "test"}, validation_fraction=fraction)
    window(told, *inputs, tmp_path / "k4.json")
    groups = Windows.load(tmp_path / "k4.json").groups
    assert [g.split for g in groups if g.system == "c2h6"] == splits
    assert all(g.starts for g in groups)


@pytest.mark.parametrize(
    ("splits", "timestep", "message"),
    [
        (
            {"c2h6": "test", "h2o": "test"},
            1.0,
            r"k4\.json: no molecule is in the train split; give one the split `train`",
        ),
        ({"c2h6": "train"}, 1.0, r"water: h2o has no split; add it to splits"),
        (
            {"c2h6": "train", "h2o": "test"},
            0.5,
            r"bursts\.h5: its frames are 1 fs apart, the windows need 0\.5; simulate",
        ),
    ],
)
def test_bad_input_is_one_clear_line(
    inputs: tuple[list[Path], list[Path]],
    jump: Jump,
    tmp_path: Path,
    splits: dict[str, str],
    timestep: float,
    message: str,
) -> None:
    told = settings(jump.model_copy(update={"timestep_fs": timestep}), splits)
    with pytest.raises(UserError, match=message) as error:
        window(told, *inputs, tmp_path / "k4.json")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "k4.json").exists()


def test_a_damaged_index_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"k4\.json: no such window index; run `mdsnake window` first"):
        Windows.load(tmp_path / "k4.json")
    for text in ("{", "[]", '{"about": {}}', '{"about": {}, "groups": [{"system": "a"}]}'):
        (tmp_path / "k4.json").write_text(text)
        with pytest.raises(UserError, match=r"k4\.json: .*; delete it and run `mdsnake window` again$"):
            Windows.load(tmp_path / "k4.json")
