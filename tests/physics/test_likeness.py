"""TM-scores are by the length of either chain."""

import numpy as np
import pytest

from mdsnake.physics.likeness import tm_score

#: A wide helix of CA atoms.
ANGLES = np.deg2rad(40) * np.arange(60)
TRACE = np.stack([8 * np.cos(ANGLES), 8 * np.sin(ANGLES), 2.0 * np.arange(60)], axis=1)


def test_a_part_is_like_the_whole_by_its_own_length_alone() -> None:
    part, whole = tm_score(TRACE[:40], TRACE)
    assert part == pytest.approx(1, abs=1e-3)
    assert whole == pytest.approx(40 / 60, abs=0.02)
    assert tm_score(TRACE, TRACE[:40]) == pytest.approx((whole, part))


def test_where_a_chain_lies_does_not_count_and_its_hand_does() -> None:
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    turn *= np.linalg.det(turn)
    assert tm_score(TRACE @ turn + 9, TRACE)[0] == pytest.approx(1, abs=1e-6)
    assert tm_score(TRACE * [1, 1, -1], TRACE)[0] < 0.7
