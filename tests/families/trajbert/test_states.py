import numpy as np

from mdsnake.families.trajbert.states import next_basin
from mdsnake.physics.generator import exact
from mdsnake.physics.surface import MuellerBrown2D
from mdsnake.physics.walkers import overdamped
from mdsnake.simulate.surface import starting_points

A, B, BETWEEN = MuellerBrown2D.A, MuellerBrown2D.B, MuellerBrown2D.SADDLES[0]
INSIDE, OUTSIDE = ((A[0] + away, A[1]) for away in (0.19, 0.21))


def test_the_state_is_the_basin_entered_next() -> None:
    x = np.array([BETWEEN, BETWEEN, B, BETWEEN, INSIDE, OUTSIDE, BETWEEN, A, BETWEEN, BETWEEN])
    assert next_basin("mueller-brown", x, np.zeros(10, dtype=int)).tolist() == [1, 1, 1, 0, 0, 0, 0, 0, -1, -1]


def test_another_walker_does_not_tell() -> None:
    x = np.array([BETWEEN, BETWEEN, A, BETWEEN])
    assert next_basin("mueller-brown", x, np.array([0, 1, 1, 1])).tolist() == [-1, 0, 0, -1]
    assert next_basin("mueller-brown", x[:2], np.array([0, 0])).tolist() == [-1, -1]


def test_near_the_end_nothing_is_told_outside_of_the_basins_whatever_happens_there() -> None:
    """The slowest takes three frames, so the last three of each walker are left out, though some of them enter B."""
    x = np.array([BETWEEN, BETWEEN, A, BETWEEN, BETWEEN, B, A, BETWEEN, BETWEEN, BETWEEN, B, BETWEEN, B])
    segment = np.repeat([0, 1], [6, 7])
    assert next_basin("mueller-brown", x, segment).tolist() == [0, 0, 0, -1, -1, 1, 0, 1, 1, 1, 1, -1, 1]


def test_walkers_that_reach_nothing_tell_of_the_basins_alone() -> None:
    x = np.array([A, BETWEEN, BETWEEN, BETWEEN, B, BETWEEN, BETWEEN, BETWEEN])
    assert next_basin("mueller-brown", x, np.repeat([0, 1], 4)).tolist() == [0, -1, -1, -1, 1, -1, -1, -1]


def test_states_are_as_often_b_as_the_committor_says() -> None:
    """In every tenth of short walkers; where fast entries alone were told, those of the last tenth would be of A."""
    surface, kT, rng = MuellerBrown2D(), 15.0, np.random.default_rng(0)
    known = exact(surface, kT, spacing=0.05)
    x, frames = starting_points(surface, kT, 2000, rng), []
    for _ in range(200):
        frames.append(x)
        x = overdamped(surface.force, x, kT, 1e-4, 3, rng)
    walkers = np.stack(frames, axis=1)
    q = known.committor_at(walkers)
    state = next_basin("mueller-brown", walkers.reshape(-1, 2), np.repeat(np.arange(2000), 200)).reshape(q.shape)
    told = (state >= 0) & (q > 0.2) & (q < 0.8)
    off, many = (part.reshape(2000, 10, 20).sum(2) for part in (np.where(told, state - q, 0), told))
    tenths = many.sum(0) > 0
    assert tenths[:2].all(), "early frames are told"
    error = np.sqrt((off**2).sum(0))
    assert (abs(off.sum(0)) <= 3 * error)[tenths].all()
