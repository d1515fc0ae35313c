import numpy as np
import pytest

from mdsnake.physics.integrators import State
from mdsnake.rollout.pieces import MOST_PIECES, last_states, pieces_of, stacked
from mdsnake.store.pieces import Piece, join


def piece(frames: int, seed: int = 0) -> Piece:
    rng = np.random.default_rng(seed)
    states = [
        [
            State(*rng.random((2, 4, 3)), rng.random(), rng.random((4, 3)), 0.0, rng.random(), rng.random() < 0.5)
            for _ in range(2)
        ]
        for _ in range(frames)
    ]
    return Piece(stacked(states), {"jumps": 2.0 * frames})


@pytest.mark.parametrize("frames", [1, 7, 20, 21, 1000])
def test_pieces_cover_all_frames_evenly(frames: int) -> None:
    counts = pieces_of(frames)
    assert sum(counts) == frames
    assert 1 <= min(counts) <= max(counts) <= min(counts) + 1
    assert len(counts) <= MOST_PIECES


@pytest.mark.parametrize(("frames", "multiple"), [(5, 64), (64, 64), (1000, 64), (5000, 7)])
def test_all_pieces_but_the_last_are_multiples(frames: int, multiple: int) -> None:
    *counts, last = pieces_of(frames, multiple)
    assert sum(counts) + last == frames
    assert all(count % multiple == 0 for count in counts)
    assert 0 < last <= max([*counts, multiple])
    assert len(counts) < MOST_PIECES


def test_pieces_are_joined_in_time() -> None:
    parts = [piece(3), piece(2, seed=1)]
    whole = join(parts, axis=1)
    assert whole.arrays["x"].shape == (2, 5, 4, 3)
    assert whole.arrays["energy"].shape == (2, 5)
    np.testing.assert_array_equal(whole.arrays["x"][:, 3:], parts[1].arrays["x"])
    assert whole.counters == {"jumps": 10.0}
    last = last_states(parts[1])
    assert [state.energy for state in last] == whole.arrays["energy"][:, -1].tolist()
    np.testing.assert_array_equal(last[1].v, whole.arrays["v"][1, -1])
    assert [state.energy_error for state in last] == whole.arrays["energy_error"][:, -1].tolist()
    assert [state.jumps for state in last] == whole.arrays["jumps"][:, -1].tolist()
