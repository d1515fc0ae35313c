"""A propagator at work: NVT by splitting, then NVE for drift and reversibility, written as any simulation is.

NVT frame  =  thermostat over τ/2  ∘  propagator over τ  ∘  thermostat over τ/2
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mdsnake.config import VERSIONS, Engine
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import RolloutSettings
from mdsnake.families.kstep.hybrid import Hybrid, Propagator
from mdsnake.families.kstep.members import open_propagator
from mdsnake.physics.integrators import State, make_state, remove_com, thermostat
from mdsnake.physics.potential import Potential, open_potential
from mdsnake.rollout.pieces import Piece, cached, join, pieces_of
from mdsnake.seeds import seed_sequence
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory, provenance
from mdsnake.store.work import fingerprint, work_folder

#: Multiples of it fill the unit interval evenly (modulo 1).
GOLDEN = 0.6180339887498949

Step = Callable[[Sequence[State], np.random.Generator], list[State]]


def rollout(
    prepared: Path,
    settings: RolloutSettings,
    engine: Engine,
    start: Path,
    model: Path | None,
    out: Path,
    nve: Path,
    work: Path,
    device: str = "auto",
) -> None:
    """Write the NVT run to `out` and the NVE run to `nve`; an interrupted job goes on from its last piece.

    `start` is a trajectory of the reference, from which the walkers' first states are taken.
    """
    graph = MoleculeGraph.load(prepared / "graph.json")
    potential = open_potential(prepared, engine)
    states = thermal_states(start, potential, settings.rollout.walkers, settings.seed)
    propagator = open_propagator(settings, potential, graph, states, model, device)
    files = [prepared / "graph.json", prepared / "system.xml", start, *([model] if model else [])]
    key = fingerprint(VERSIONS["rollout"], settings.model_dump(mode="json"), engine.model_dump(mode="json"), *files)
    about = provenance(
        settings=settings.model_dump(mode="json"), engine=engine.model_dump(mode="json"), **potential.about
    )
    lag = settings.jump.lag_ps
    with work_folder(work, key) as folder:
        thermal = _run(folder, "nvt", settings, propagator, potential, states, settings.rollout.time_ps, engine)
        if isinstance(propagator, Hybrid):
            propagator.settings = propagator.settings.model_copy(update={"energy_check": "none"})
        free = _run(folder, "nve", settings, propagator, potential, states, settings.rollout.nve_ps, None)
        free.counters["reversibility_rms_nm"] = reversibility(propagator, states)
        _trajectory(thermal, potential, lag, about).save(out)
        _trajectory(free, potential, lag, about).save(nve)


def thermal_states(path: Path, potential: Potential, count: int, seed: int) -> list[State]:
    """`count` evenly spaced frames of a thermal trajectory, other ones for each seed."""
    trajectory = Trajectory.load(path)
    if trajectory.n_frames < count:
        raise UserError(f"{path}: {trajectory.n_frames} frames, but {count} walkers need one each; lower walkers")
    first = (0.5 + GOLDEN * seed) % 1
    chosen = ((np.arange(count) + first) / count * trajectory.n_frames).astype(int)
    x, v = trajectory.positions[chosen].astype(float), trajectory.velocities[chosen].astype(float)
    x = np.stack([potential.project_positions(one) for one in x])
    v = remove_com(np.stack([potential.project_velocities(*one) for one in zip(x, v, strict=True)]), potential.masses)
    return [make_state(potential, *one) for one in zip(x, v, strict=True)]


def reversibility(propagator: Propagator, states: Sequence[State]) -> float:
    """RMS distance in nm from the start after a jump, a reversal of velocities and another jump."""
    rng = np.random.default_rng(0)
    forth = propagator(states, rng)
    back = propagator([dataclasses.replace(state, v=-state.v) for state in forth], rng)
    return float(np.sqrt(np.mean([np.square(a.x - b.x) for a, b in zip(back, states, strict=True)])))


def _run(
    folder: Path,
    name: str,
    settings: RolloutSettings,
    propagator: Propagator,
    potential: Potential,
    states: Sequence[State],
    time_ps: float,
    engine: Engine | None,
) -> Piece:
    """All frames of all walkers over `time_ps`, thermostatted as `engine` is, or at constant energy."""
    frames = max(1, round(time_ps / settings.jump.lag_ps))
    current, done = list(states), []
    counts = pieces_of(frames)
    step = _thermostatted(propagator, potential, settings.jump.lag_ps, engine) if engine else propagator
    for index, count in enumerate(counts):
        rng = np.random.default_rng(seed_sequence(settings.seed, f"{potential.name}/{name}", index))
        make = partial(_piece, step, current, count, rng, propagator, potential)
        piece = cached(folder / f"{name}{index:04d}.npz", make)
        current = piece.last_states()
        done.append(piece)
        print(f"{name}: {100 * (index + 1) / len(counts):.0f} % of {time_ps:g} ps × {len(states)} walkers", flush=True)
    return join(done)


def _thermostatted(propagator: Propagator, potential: Potential, lag_ps: float, engine: Engine) -> Step:
    def half(states: Sequence[State], rng: np.random.Generator) -> list[State]:
        friction, temperature = engine.friction_per_ps, engine.temperature_K
        kicked = [thermostat(potential, s.x, s.v, lag_ps / 2, friction, temperature, rng) for s in states]
        return [dataclasses.replace(s, v=remove_com(v, potential.masses)) for s, v in zip(states, kicked, strict=True)]

    return lambda states, rng: half(propagator(half(states, rng), rng), rng)


def _piece(
    step: Step,
    states: list[State],
    count: int,
    rng: np.random.Generator,
    propagator: Propagator,
    potential: Potential,
) -> Piece:
    before = propagator.counters + potential.calls.counters()
    start = time.perf_counter()
    potential.reset()
    frames = []
    for _ in range(count):
        states = step(states, rng)
        frames.append(states)
    counters = propagator.counters + potential.calls.counters() - before
    counters["total_ms"] = 1e3 * (time.perf_counter() - start)
    return Piece.of(frames, counters)


def _trajectory(piece: Piece, potential: Potential, lag_ps: float, about: dict[str, object]) -> Trajectory:
    """Walkers one after the other, each a segment; positions relative to the centre of mass."""
    walkers, frames = piece.energy.shape
    counters = dict(piece.counters)
    tries = max(1.0, counters.pop("projections", 0.0))
    for name in ("nm", "nm_per_ps"):
        counters[f"projection_rms_{name}"] = float(np.sqrt(counters.pop(f"projection_sq_{name}", 0.0) / tries))
    return Trajectory(
        numbers=potential.numbers,
        masses=potential.masses,
        positions=remove_com(np.concatenate(piece.x), potential.masses),
        velocities=np.concatenate(piece.v),
        forces=np.concatenate(piece.forces),
        potential=np.concatenate(piece.energy),
        segment=np.repeat(np.arange(walkers), frames),
        frame_ps=lag_ps,
        degrees_of_freedom=potential.degrees_of_freedom,
        provenance=about,
        counters=counters,
    )
