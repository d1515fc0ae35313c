import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.evaluate.align import alike, at_lag, in_pieces


def test_frames_are_thinned_to_the_lag(trajectory):
    run = trajectory(0, frames=100, frame_ps=0.004)
    thin = at_lag(run, 0.016, "replica0.h5")
    assert thin.frame_ps == pytest.approx(0.016)
    np.testing.assert_array_equal(thin.positions, run.positions[::4])


@pytest.mark.parametrize("lag", [0.002, 0.006])
def test_a_lag_between_frames_is_refused(trajectory, lag):
    with pytest.raises(UserError, match=r"replica0\.h5: frames every 4 fs .* record_fs"):
        at_lag(trajectory(0, frames=10, frame_ps=0.004), lag, "replica0.h5")


def test_pieces_are_whole_and_in_order(trajectory):
    run = trajectory(0, segments=2, frames=25)
    pieces = in_pieces(run, 10)
    assert [s.stop - s.start for s in pieces.segments()] == [10] * 4
    np.testing.assert_array_equal(pieces.potential, run.potential[[*range(20), *range(25, 45)]])
    assert in_pieces(run, 100).n_frames == 50, "segments shorter than a piece stay whole"


def test_a_replica_is_cut_to_the_rollout(trajectory):
    rollout, replica = trajectory(0, segments=3, frames=20, frame_ps=0.008), trajectory(1, frames=1000)
    same = alike(replica, rollout, "replica1.h5", same_length=True)
    assert same.simulated_ps == pytest.approx(rollout.simulated_ps)
    assert alike(replica, rollout, "replica0.h5").n_frames == 500
