"""`mdsnake jumps`: single jumps, with their half-kicks and no check, against the true ones."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from mdsnake.config import Split
from mdsnake.errors import UserError
from mdsnake.evaluate.metrics import METRICS
from mdsnake.evaluate.records import Record, write_records
from mdsnake.families.kstep.config import Jump, JumpsSettings
from mdsnake.families.kstep.corrector import half_kick
from mdsnake.families.kstep.data import load_windows
from mdsnake.families.kstep.hybrid import Proposal
from mdsnake.families.kstep.learned import learned_proposal
from mdsnake.families.kstep.members import control_proposal
from mdsnake.physics.potential import EvaluationFailed, Potential, open_potential
from mdsnake.store.checkpoint import read_model
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.windows import WindowGroup, Windows
from mdsnake.units import BOLTZMANN, kinetic_energy

MOST_WINDOWS = 100  # of a molecule
MOST_MOLECULES = 200  # of a split


def jumps(windows: Path, settings: JumpsSettings, models: Sequence[Path], out: Path, device: str = "auto") -> None:
    """Write the errors of single jumps by `models` and controls on the windows of every molecule to the CSV `out`."""
    index = Windows.load(windows)
    if index.about != settings.jump.model_dump():
        raise UserError(f"{windows}: jump: it is not the one of the settings; run `mdsnake window` for that one")
    groups = [group for split in get_args(Split) for group in _some(index.of(split), MOST_MOLECULES)]
    write_records(out, [row for group in groups for row in _of_molecule(group, settings, models, device)])


def _some(groups: Sequence[WindowGroup], most: int) -> Sequence[WindowGroup]:
    """At most so many of them, evenly spread."""
    return [groups[i] for i in np.unique(np.linspace(0, len(groups) - 1, min(most, len(groups))).astype(int))]


def _of_molecule(group: WindowGroup, settings: JumpsSettings, models: Sequence[Path], device: str) -> Iterator[Record]:
    jump, prepared = settings.jump, Path(group.prepared)
    graph, potential = MoleculeGraph.load(prepared / "graph.json"), open_potential(prepared, settings.engine)
    frames = load_windows(group, jump)
    chosen = np.unique(np.linspace(0, len(frames) - 1, MOST_WINDOWS).astype(int))
    x, v, f = (array[:, chosen].double().numpy() for array in (frames.x, frames.v, frames.f))
    proposals = {name: control_proposal(name, jump) for name in settings.controls}
    for path in models:
        proposals[read_model(path)[0]["member"]] = learned_proposal(path, jump, graph, device)
    for member, propose in proposals.items():
        run = (graph.name, group.split, jump.engine, member, jump.k, jump.lag_ps * 1e3, settings.seed)
        for metric, value in jump_errors(x, v, f, potential, propose, jump).items():
            yield Record(*run, metric, value, float("nan"), len(chosen), METRICS[metric].unit)
    print(f"{graph.name}: {len(chosen)} jumps of {', '.join(proposals)}", flush=True)


def jump_errors(
    x: np.ndarray, v: np.ndarray, f: np.ndarray, potential: Potential, propose: Proposal, jump: Jump
) -> dict[str, float]:
    """Errors of jumps from the frames [0] to the frames [1] of x, v, f (2, n, N, 3) in nm, nm/ps, kJ/mol/nm.

    A jump to where the potential cannot be evaluated has an infinite energy error; positions and velocities count
    as far as they are finite.
    """
    masses, kT = potential.masses, BOLTZMANN * jump.temperature_K
    mass = masses[:, None]
    v0 = v[0] + half_kick(f[0], mass, jump.lag_ps)
    dx, dv = propose(x[0], v0, f[0])
    momentum = np.linalg.norm((mass * dv).sum(1), axis=-1) / np.linalg.norm(mass * v0, axis=-1).sum(1)
    error_x, error_v, gain = [], [], []
    for i in range(x.shape[1]):
        end = potential.project_positions(x[0, i] + dx[i])
        before = potential.energy_forces(x[0, i])[0] + kinetic_energy(v[0, i], masses)
        try:
            energy, forces = potential.energy_forces(end)
        except EvaluationFailed:
            gain.append(np.inf)
            continue
        velocity = potential.project_velocities(end, v0[i] + dv[i] + half_kick(forces, mass, jump.lag_ps))
        error_x.append(end - x[1, i])
        error_v.append(velocity - v[1, i])
        gain.append(float(energy + kinetic_energy(velocity, masses) - before) / kT)
    kinetic = np.mean(mass * np.square(error_v)) / kT if error_v else np.inf
    return {
        "jump_position_pm": 1e3 * float(np.sqrt(3 * np.mean(np.square(error_x)))) if error_x else np.inf,
        "jump_velocity_relative": float(np.sqrt(kinetic)),
        "jump_energy_median": float(np.median(np.abs(gain))),
        "jump_acceptance": float(np.mean(np.exp(np.minimum(0.0, -np.nan_to_num(gain, nan=np.inf))))),
        "jump_momentum_relative": float(np.max(momentum)),
    }
