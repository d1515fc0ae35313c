"""The generator against closed forms in one dimension, the table of the surface, and walkers."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import cumulative_simpson

from mdsnake.errors import UserError
from mdsnake.physics.generator import (
    SPACING,
    Exact,
    committor,
    exact,
    first_passage_time,
    generator,
    relaxation_times,
)
from mdsnake.physics.surface import MuellerBrown2D
from mdsnake.physics.walkers import overdamped

SURFACE = MuellerBrown2D()
WIDE = ((-2.5, 2.0), (-1.5, 3.0))
#: kT, t₂, t₃, P(committor < ½) and the mean time from A to B.
TABLE = [
    (10, 5.00, 0.024, 0.974, 197.9),
    (15, 0.643, 0.0142, 0.899, 6.81),
    (20, 0.221, 0.0100, 0.810, 1.34),
    (25, 0.111, 0.0081, 0.740, 0.526),
]


def double_well(x: np.ndarray) -> np.ndarray:
    return 3 * (x**2 - 1) ** 2 + 0.5 * x


def grid(spacing: float) -> np.ndarray:
    """Centres of cells from −3 to 3."""
    return np.arange(-3 + spacing / 2, 3, spacing)


def test_rates_keep_detailed_balance_and_lose_nothing() -> None:
    energy = np.random.default_rng(0).uniform(0, 8, (6, 7))
    rates = generator(energy, 0.1, 1.5)
    flux = np.exp(-energy.ravel() / 1.5)[:, None] * rates.toarray()
    np.testing.assert_allclose(flux, flux.T, rtol=1e-12)
    np.testing.assert_allclose(rates.sum(axis=1), 0, atol=1e-9)
    assert rates.nnz == 6 * 7 + 2 * (5 * 7 + 6 * 6)


def test_a_double_well_in_one_dimension() -> None:
    """q(x) = ∫ₐˣ e^{βV} / ∫ₐᵇ e^{βV}, and β ∫ₓᵇ e^{βV(y)} ∫₋∞ʸ e^{−βV(z)} dz dy is the mean time from x to b."""
    kT, a, b = 0.8, -0.99, 0.99  # centres of cells of both grids
    fine = np.linspace(-2, b, 20_001)
    below = cumulative_simpson(np.exp(-double_well(fine) / kT), x=fine, initial=0)
    # from b downwards, as what lies left of the wells would drown the rest
    uphill, step = np.exp(double_well(fine) / kT), fine[1] - fine[0]
    barrier = cumulative_simpson(uphill[::-1], dx=step, initial=0)[::-1]
    spent = cumulative_simpson((uphill * below)[::-1] / kT, dx=step, initial=0)[::-1]
    errors = []
    for spacing in (0.06, 0.02):
        x = grid(spacing)
        rates = generator(double_well(x), spacing, kT)
        q, time = committor(rates, x < a + 1e-6, x > b - 1e-6), first_passage_time(rates, x > b - 1e-6)
        between, left = (x > a) & (x < b), (x > -1.5) & (x < 0)
        q_left, time_left = np.interp(x, fine, barrier), np.interp(x, fine, spent)
        off_q, off_time = q - 1 + q_left / np.interp(a, fine, barrier), time / np.maximum(time_left, 1e-9) - 1
        errors.append([np.abs(off_q)[between].max(), np.abs(off_time)[left].max()])
    assert np.max(errors[1]) < 1e-3
    np.testing.assert_allclose(np.divide(*errors), 9, rtol=0.2)  # of second order


def test_relaxation_in_harmonic_wells() -> None:
    """In one dimension the times are 1/k, 1/2k, …; in two dimensions each axis has its own."""
    x = grid(0.02)
    np.testing.assert_allclose(relaxation_times(generator(2 * x**2, 0.02, 0.5), 3), [1 / 4, 1 / 8, 1 / 12], rtol=2e-3)
    y = grid(0.05)
    both = 2 * y[:, None] ** 2 + 5 * y**2
    np.testing.assert_allclose(relaxation_times(generator(both, 0.05, 0.5), 3), [1 / 4, 1 / 8, 1 / 10], rtol=1e-2)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"kT{row[0]}")
def test_the_table_of_the_surface(row: tuple[float, ...]) -> None:
    check_row(row, exact(SURFACE, row[0], 0.03))


@pytest.mark.slow
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"kT{row[0]}")
def test_neither_the_cells_nor_the_box_matter(row: tuple[float, ...]) -> None:
    usual, finer, wider = (exact(SURFACE, row[0], *told) for told in ((), (0.005,), (SPACING, WIDE)))
    check_row(row, finer)
    for name in ("t2", "t3", "below_half", "mfpt_ab", "free_energy_difference"):
        assert getattr(usual, name) == pytest.approx(getattr(finer, name), rel=2e-3)
        if name != "t3":  # out there is a slow way down that hardly a walker takes
            assert getattr(usual, name) == pytest.approx(getattr(wider, name), rel=1e-2)


def check_row(row: tuple[float, ...], found: Exact) -> None:
    """Every figure is as printed, or off by one in its last digit; grids of this kind agree to 0.3 % at kT = 25."""
    _, t2, t3, below_half, mfpt_ab = row
    assert found.t2 == pytest.approx(t2, rel=2e-3, abs=6e-4)
    assert found.t3 == pytest.approx(t3, abs=6e-4 if t3 == 0.024 else 1e-4)
    assert found.below_half == pytest.approx(below_half, abs=1e-3)
    assert found.mfpt_ab == pytest.approx(mfpt_ab, rel=3e-3)


@pytest.fixture(scope="module")
def at_15() -> Exact:
    return exact(SURFACE, 15.0)


def test_the_density_is_boltzmanns_and_points_are_drawn_by_it(at_15: Exact) -> None:
    cell = (at_15.x[1] - at_15.x[0]) * (at_15.y[1] - at_15.y[0])
    assert at_15.density.sum() * cell == pytest.approx(1)
    points = np.stack(np.meshgrid(at_15.x, at_15.y, indexing="ij"), axis=-1)
    log = -15 * np.log(at_15.density) - SURFACE.energy(points)
    assert np.ptp(log) < 1e-8
    drawn = at_15.sample(40_000, np.random.default_rng(0))
    assert (at_15.committor_at(drawn) < 0.5).mean() == pytest.approx(at_15.below_half, abs=0.006)
    state = SURFACE.state(drawn)
    assert 15 * np.log((state == 0).sum() / (state == 1).sum()) == pytest.approx(at_15.free_energy_difference, abs=1.2)


def test_the_committor_is_that_of_walkers(at_15: Exact) -> None:
    assert at_15.committor_at(np.stack([SURFACE.A, SURFACE.B])) == pytest.approx([0, 1])
    assert at_15.committor_at(np.array([[[9.0, 9.0]]])).shape == (1, 1)
    starts = np.array([[-0.822, 0.624], [-0.75, 0.62], [-0.05, 0.467]])
    expected, each, rng = at_15.committor_at(starts), 600, np.random.default_rng(0)
    x = np.repeat(starts, each, axis=0)
    outcome = np.full(len(x), -1)
    while (running := outcome < 0).any():
        x[running] = overdamped(SURFACE.force, x[running], 15.0, 5e-5, 20, rng)
        outcome[running] = SURFACE.state(x[running])
    found = outcome.reshape(3, each).mean(1)
    assert 0.2 < expected.min() < 0.5 < expected.max() < 0.95
    assert (np.abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / each) + 0.01).all()


def test_what_is_saved_is_loaded(at_15: Exact, tmp_path: Path) -> None:
    at_15.save(tmp_path / "exact.json")
    for name, value in vars(Exact.load(tmp_path / "exact.json")).items():
        np.testing.assert_array_equal(value, getattr(at_15, name))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"t2": "long"}, "t2"),
        ({"density": [[1.0, 2.0], [3.0]]}, "density"),
        ({"committor": [[0.0, None]]}, "committor: .*not all numbers are finite"),
        ({"x": [1.0]}, "not of as many cells"),
        ({"density": [[0.0, 0.0], [0.0, 0.0]]}, "density: not one"),
    ],
)
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, change: dict, told: str) -> None:
    square = [[0.0, 1.0], [1.0, 1.0]]
    good = {"x": [0.0, 1.0], "y": [0.0, 1.0], "density": square, "committor": square} | dict.fromkeys(
        ("t2", "t3", "below_half", "mfpt_ab", "free_energy_difference"), 1.0
    )
    (tmp_path / "exact.json").write_text(json.dumps(good))
    assert Exact.load(tmp_path / "exact.json").t2 == 1
    (tmp_path / "exact.json").write_text(json.dumps(good | change))
    with pytest.raises(UserError, match=f"exact.json: .*{told}") as error:
        Exact.load(tmp_path / "exact.json")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="mdsnake prepare"):
        Exact.load(tmp_path / "none.json")
