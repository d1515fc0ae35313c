"""The errors that benchmarks give for effective samples."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mdsnake.store.h5md import Trajectory
from tests.toys import toy_graph

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from exact_samples import Estimate, samples

WALKERS, FRAMES, TIME = 6, 2000, 10.0  # of each run; integrated time of U in frames
CALLS = 3.0  # of a frame


def run(path: Path, seed: int) -> Path:
    """Walkers whose potential energy forgets itself at one rate; the atoms rest."""
    graph, rng = toy_graph("C2H6"), np.random.default_rng(seed)
    kept, energies = np.exp(-1 / TIME), np.empty((WALKERS, FRAMES))
    energies[:, 0] = rng.standard_normal(WALKERS)
    for frame in range(1, FRAMES):
        energies[:, frame] = kept * energies[:, frame - 1] + np.sqrt(1 - kept**2) * rng.standard_normal(WALKERS)
    frames, resting = WALKERS * FRAMES, np.zeros((WALKERS * FRAMES, graph.n_atoms, 3))
    Trajectory(
        numbers=np.array(graph.numbers),
        masses=np.ones(graph.n_atoms),
        positions=resting + np.array(graph.positions),
        velocities=resting,
        forces=resting,
        potential=energies.ravel(),
        segment=np.repeat(np.arange(WALKERS), FRAMES),
        frame_ps=0.01,
        degrees_of_freedom=3 * graph.n_atoms - 3,
        provenance={},
        counters={"force_calls": CALLS * frames, "total_ms": 2.0 * frames},
    ).save(path)
    return path


def test_samples_of_all_runs_are_those_of_the_known_time_within_their_error(tmp_path: Path) -> None:
    found = samples([run(tmp_path / f"{seed}.h5", seed) for seed in range(3)], toy_graph("C2H6"))
    expected = 3 * WALKERS * FRAMES * np.tanh(1 / (2 * TIME))  # the exact sum over an exponential of whole frames
    size, cost = found["ess_potential"], found["ess_potential_per_force_call"]
    assert size.n == 3 * WALKERS
    assert 0.01 < size.log_error < 0.15
    assert abs(np.log(size.value / expected)) < 3 * size.log_error
    assert cost.value == pytest.approx(size.value / (CALLS * 3 * WALKERS * FRAMES))


def test_a_ratio_has_the_errors_of_both() -> None:
    ratio = Estimate(6.0, 0.3, 8).over(Estimate(2.0, 0.4, 12))
    assert ratio == Estimate(3.0, pytest.approx(0.5), 8)
    assert ratio.inverse.bounded["high"] == pytest.approx(np.exp(1.96 * 0.5) / 3)
