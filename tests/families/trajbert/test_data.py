from pathlib import Path

import numpy as np
import pytest
import torch

from mdsnake.errors import UserError
from mdsnake.families.trajbert.data import TrajectoryWindows, WindowBatches, load_windows
from mdsnake.families.trajbert.states import next_basin
from mdsnake.store.windows import WindowGroup, Windows
from tests.families.trajbert.toys import ABOUT, save_walkers, save_windows, walkers


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_windows(tmp_path_factory.mktemp("windows"))


@pytest.fixture(scope="module")
def training(index: Path) -> TrajectoryWindows:
    return load_windows(Windows.load(index).of("train")[0], ABOUT)


def test_a_window_is_its_frames_and_the_ones_after(training: TrajectoryWindows) -> None:
    assert len(training) == 6 * 7
    assert training.seconds == 1.5
    batch = training.select(torch.tensor([0, 8]))
    x = walkers().astype(np.float32)
    np.testing.assert_array_equal(batch.positions, np.concatenate([x[0, :12], x[1, 4:16]]))
    np.testing.assert_array_equal(batch.next, np.concatenate([x[0, 1:13], x[1, 5:17]]))
    state = next_basin("mueller-brown", x.reshape(-1, 2), np.repeat(np.arange(6), 40)).reshape(6, 40)
    np.testing.assert_array_equal(batch.state, np.concatenate([state[0][:12], state[1][4:16]]))
    assert batch.ptr.tolist() == [0, 12, 24]
    assert batch.num_graphs == 2


def test_a_batch_follows_from_its_generator(training: TrajectoryWindows) -> None:
    batches = WindowBatches(training, None, 16)
    first, second, third = (batches.train_batch(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert torch.equal(first.positions, second.positions)
    assert not torch.equal(first.positions, third.positions)
    assert first.ptr.diff().tolist() == [12] * 16
    assert batches.validation_batches() == []


def test_windows_of_a_training_batch_are_cut_alike(training: TrajectoryWindows) -> None:
    batches, rng = WindowBatches(training, training, 4, shortest=5), np.random.default_rng(0)
    lengths = [batches.train_batch(rng).ptr.diff().unique().tolist() for _ in range(100)]
    assert sorted({length for (length,) in lengths}) == list(range(5, 13))
    assert {batch.ptr.diff().unique().item() for batch in batches.validation_batches()} == {12}


@pytest.mark.parametrize("most", [1, 5, 41, 42, 100])
def test_validation_takes_at_most_so_many_windows(training: TrajectoryWindows, most: int) -> None:
    batches = WindowBatches(training, training, 8)
    taken = sum(batch.num_graphs for batch in batches.validation_batches(most))
    assert min(most, 42) / 2 < taken <= most
    first, second = (batches.validation_batches(most)[0] for _ in range(2))
    assert torch.equal(first.positions, second.positions)


def group(path: Path, *starts: int) -> WindowGroup:
    return WindowGroup("mueller-brown", "train", "", str(path), list(starts))


def test_files_that_changed_are_refused(tmp_path: Path) -> None:
    path = save_walkers(tmp_path / "train.h5", walkers())
    assert len(load_windows(group(path, 0, 227), ABOUT)) == 2
    with pytest.raises(UserError, match=r"train\.h5: fewer frames than its windows were made from; run `mdsnake win"):
        load_windows(group(path, 228), ABOUT)
    with pytest.raises(UserError, match=r"train\.h5: a window of it spans two walkers; run `mdsnake window` again"):
        load_windows(group(path, 28), ABOUT)
    save_walkers(path, walkers(), record=1e-3)
    with pytest.raises(UserError, match=r"train\.h5: its frames are 0\.001 apart, not 0\.0002"):
        load_windows(group(path, 0), ABOUT)
