import numpy as np

from mdsnake.families.trajbert.states import next_basin
from mdsnake.physics.surface import MuellerBrown2D

A, B, BETWEEN = MuellerBrown2D.A, MuellerBrown2D.B, MuellerBrown2D.SADDLES[0]
INSIDE, OUTSIDE = ((A[0] + away, A[1]) for away in (0.19, 0.21))


def test_the_state_is_the_basin_entered_next() -> None:
    x = np.array([BETWEEN, BETWEEN, B, BETWEEN, INSIDE, OUTSIDE, BETWEEN, A, BETWEEN, BETWEEN])
    assert next_basin("mueller-brown", x, np.zeros(10, dtype=int)).tolist() == [1, 1, 1, 0, 0, 0, 0, 0, -1, -1]


def test_another_walker_does_not_tell() -> None:
    x = np.array([BETWEEN, BETWEEN, A, BETWEEN])
    assert next_basin("mueller-brown", x, np.array([0, 1, 1, 1])).tolist() == [-1, 0, 0, -1]
    assert next_basin("mueller-brown", x[:2], np.array([0, 0])).tolist() == [-1, -1]
