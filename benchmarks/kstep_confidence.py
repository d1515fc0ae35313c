"""Would it pay to foresee which learned jumps err, and to make those half as long?

From each of many places of a roll-out of `hmc` many jumps are made, with velocities drawn anew.  `foreseeable` is the
correlation over places of log σ(ΔH) by one half of the velocities with that by the other: 0 where the place tells
nothing, and near 1 where it tells all, less the noise of so few velocities.  `oracle` is what a rule wins that chooses
for each place the length that goes further there by one half of the velocities, judged by the other: time accepted for
a call, over that of the full length everywhere; one that knew the places better would win a little more.  Intervals are
of 95 %, from 1,000 bootstrap samples of the places.  Takes up what kstep_exact.py has left in --work.

    python benchmarks/kstep_confidence.py --out benchmarks/results/kstep_confidence.json
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from exact_runs import MEMBER, OWN, STRIDES_FS, UNSEEN, arguments, model, steps, timestep_fs
from record import record, write

from mdsnake.families.kstep.config import Jump
from mdsnake.families.kstep.exact import Exact
from mdsnake.families.kstep.learned import learned_proposal
from mdsnake.families.kstep.moves import LearnedMove
from mdsnake.physics.ase import ASEPotential
from mdsnake.physics.integrators import make_state, maxwell_boltzmann
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory
from mdsnake.units import BOLTZMANN

TEMPERATURE_K = 300
RESAMPLED = 1000


def main() -> None:
    parser = arguments(__doc__, [*OWN, *UNSEEN])
    parser.add_argument("--strides", nargs="+", type=int, choices=STRIDES_FS, default=[8, 16])
    parser.add_argument("--places", type=int, default=64)
    parser.add_argument("--velocities", type=int, default=32, help="from each place")
    told = parser.parse_args()
    records = [one for name in told.molecules for stride in told.strides for one in measured(name, stride, told)]
    write(told.out, records, lambda one: (one["system"], one["setting"]))


def measured(name: str, stride_fs: int, told: argparse.Namespace) -> list[dict[str, Any]]:
    """The records of a molecule and a stride."""
    results = told.work / name / "results"
    graph = MoleculeGraph.load(results / name / "prepare/graph.json")
    rollout = Trajectory.load(results / name / f"rollout/qm/k{steps(stride_fs, name)}/hmc/seed0.h5")
    frames = np.linspace(0, rollout.n_frames - 1, told.places).round().astype(int)
    potential = ASEPotential(graph, "tblite:GFN2-xTB")
    full, half = (
        errors(potential, graph, results / model(name), jump(name, fs), rollout.positions[frames], told.velocities)
        for fs in (stride_fs, stride_fs / 2)
    )
    places = np.arange(told.places)
    drawn = [np.random.default_rng(seed).choice(places, told.places) for seed in range(RESAMPLED)]
    about = (name, MEMBER, f"{stride_fs:g} fs, {told.places} places, {told.velocities} velocities")
    records = []
    for metric, measure in (("foreseeable", foreseeable), ("oracle", oracle)):
        low, high = np.nanpercentile([measure(full[which], half[which]) for which in drawn], [2.5, 97.5])
        records.append(record(*about, metric, "1", measure(full, half), low=low, high=high, n=told.places))
    low, middle, high = np.percentile(full.std(1), [25, 50, 75])
    return [
        *records,
        record(*about, "σ(ΔH) by place, quartiles", "kT", middle, low=low, high=high, n=told.places),
    ]


def foreseeable(full: np.ndarray, half: np.ndarray) -> float:
    """Correlation over places of log σ(ΔH) by one half of the velocities with that by the other."""
    return float(np.corrcoef(np.log(full[:, ::2].std(1)), np.log(full[:, 1::2].std(1)))[0, 1])


def oracle(full: np.ndarray, half: np.ndarray) -> float:
    """What is won by the length that goes further at each place by one half of the velocities, judged by the other."""
    far, short = accepted(full), accepted(half) / 2
    chosen = np.where(short[:, ::2].mean(1) > far[:, ::2].mean(1), short[:, 1::2].mean(1), far[:, 1::2].mean(1))
    return float(chosen.mean() / far[:, 1::2].mean())


def accepted(errors: np.ndarray) -> np.ndarray:
    """Probability of jumps that err by so many kT."""
    return np.exp(-np.maximum(errors, 0))


def jump(name: str, stride_fs: float) -> Jump:
    return Jump(
        engine="qm",
        k=steps(stride_fs, name),
        timestep_fs=timestep_fs(name),
        temperature_K=TEMPERATURE_K,
        constraints="none",
    )


def errors(
    potential: ASEPotential, graph: MoleculeGraph, model: Path, jump: Jump, places: np.ndarray, velocities: int
) -> np.ndarray:
    """ΔH in kT of so many jumps from each of the places (P, N, 3) in nm, (P, velocities)."""
    move = LearnedMove(potential, learned_proposal(model, jump, graph, "cpu"), jump.lag_ps)
    exact, rng, found = Exact(potential, move, TEMPERATURE_K), np.random.default_rng(0), []
    for x in places.astype(float):
        start = make_state(potential, x, np.zeros_like(x))
        drawn = [maxwell_boltzmann(potential, x, TEMPERATURE_K, rng) for _ in range(velocities)]
        starts = [dataclasses.replace(start, v=v) for v in drawn]
        found.append([exact.energy_error(*pair) for pair in zip(starts, move(starts), strict=True)])
    return np.array(found) / (BOLTZMANN * TEMPERATURE_K)


if __name__ == "__main__":
    main()
