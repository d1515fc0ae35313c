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


def test_one_that_reaches_nothing_does_not_take_the_basin_of_the_walker_after_it() -> None:
    """Of fifty walkers all but one enter A in one frame, so one frame is the horizon."""
    x = np.array([[BETWEEN, BETWEEN], *[[BETWEEN, A]] * 49])
    state = next_basin("mueller-brown", x.reshape(-1, 2), np.repeat(np.arange(50), 2)).reshape(50, 2)
    assert state[0].tolist() == [-1, -1]
    assert (state[1:] == 0).all()


def test_states_are_as_often_b_as_the_committor_says() -> None:
    """Of the first frames of short and long walkers; were all entries told that are seen, it would be of A."""
    surface, kT, rng = MuellerBrown2D(), 15.0, np.random.default_rng(0)
    known, x = exact(surface, kT, spacing=0.05), starting_points(surface, kT, 40_000, rng)
    q = known.committor_at(x)
    chosen = np.flatnonzero((q > 0.4) & (q < 0.8) & (surface.state(x) < 0))[:2000]
    x, q, frames = x[chosen], q[chosen], []
    for _ in range(200):
        frames.append(x)
        x = overdamped(surface.force, x, kT, 1e-4, 4, rng)
    lengths = np.repeat([40, 200], [1500, 500])
    cut = np.arange(200) < lengths[:, None]
    segment = np.repeat(np.arange(2000), lengths)
    first = next_basin("mueller-brown", np.stack(frames, axis=1)[cut], segment)[np.cumsum(lengths) - lengths]
    told = first >= 0
    assert told[1500:].mean() > 0.9
    assert abs((first - q)[told].sum()) < 3 * np.sqrt((q * (1 - q))[told].sum())
