from pathlib import Path

import numpy as np
import pytest

from mdsnake.physics.counters import Counters
from mdsnake.physics.integrators import State
from mdsnake.rollout.pieces import MOST_PIECES, Piece, cached, join, pieces_of


def piece(frames: int, seed: int = 0) -> Piece:
    rng = np.random.default_rng(seed)
    states = [
        [State(rng.random((4, 3)), rng.random((4, 3)), rng.random(), rng.random((4, 3))) for _ in range(2)]
        for _ in range(frames)
    ]
    return Piece.of(states, Counters({"jumps": 2.0 * frames}))


@pytest.mark.parametrize("frames", [1, 7, 20, 21, 1000])
def test_pieces_cover_all_frames_evenly(frames: int) -> None:
    counts = pieces_of(frames)
    assert sum(counts) == frames
    assert 1 <= min(counts) <= max(counts) <= min(counts) + 1
    assert len(counts) <= MOST_PIECES


def test_a_piece_is_computed_once(tmp_path: Path) -> None:
    first = cached(tmp_path / "a.npz", lambda: piece(3))
    again = cached(tmp_path / "a.npz", lambda: piece(5, seed=1))
    for name in ("x", "v", "forces", "energy"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert again.counters == {"jumps": 6.0}
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_pieces_are_joined_in_time(tmp_path: Path) -> None:
    parts = [piece(3), piece(2, seed=1)]
    whole = join(parts)
    assert whole.x.shape == (2, 5, 4, 3)
    assert whole.energy.shape == (2, 5)
    np.testing.assert_array_equal(whole.x[:, 3:], parts[1].x)
    assert whole.counters == {"jumps": 10.0}
    last = parts[1].last_states()
    assert [state.energy for state in last] == whole.energy[:, -1].tolist()
    np.testing.assert_array_equal(last[1].v, whole.v[1, -1])
