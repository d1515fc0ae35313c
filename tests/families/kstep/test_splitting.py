from itertools import pairwise

import numpy as np
import pytest

from mdsnake.families.kstep.splitting import splitting


def energy_error(drifts: list[float], kicks: list[float], time: float) -> float:
    """Largest change of energy over phases, of a harmonic oscillator of unit frequency and energy."""
    phase = np.linspace(0, 2 * np.pi, 200)
    x, v = np.cos(phase), np.sin(phase)
    v = v - time * kicks[0] * x
    for drift, kick in zip(drifts, kicks[1:], strict=True):
        x = x + time * drift * v
        v = v - time * kick * x
    return float(np.abs(x**2 + v**2 - 1).max())


@pytest.mark.parametrize("drifts", [3, 6, 12])
def test_shares_are_whole_and_read_the_same_from_both_ends(drifts: int) -> None:
    for shares, count in zip(splitting(drifts), (drifts, drifts + 1), strict=True):
        assert len(shares) == count
        assert sum(shares) == pytest.approx(1, abs=1e-12)
        assert shares == pytest.approx(shares[::-1], abs=1e-12)


def test_the_energy_error_is_of_second_order() -> None:
    errors = [energy_error(*splitting(3), time) for time in (0.4, 0.2, 0.1)]
    for large, small in pairwise(errors):
        assert large / small == pytest.approx(8, rel=0.1)  # of one block: the cube of its length


def test_as_many_steps_of_verlet_err_a_lot_more_at_the_steps_that_are_used() -> None:
    """1.3 fs and a bond to hydrogen, 3000/cm."""
    time = 6 * 1.333 * 0.565
    verlet = energy_error([1 / 6] * 6, [1 / 12, *[1 / 6] * 5, 1 / 12], time)
    assert energy_error(*splitting(6), time) < 0.1 * verlet
