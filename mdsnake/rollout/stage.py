"""A propagator at work: NVT by splitting, then NVE for drift and reversibility, written as any simulation is.

NVT frame  =  thermostat over τ/2  ∘  propagator over τ  ∘  thermostat over τ/2
"""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mdsnake.config import VERSIONS, PlainEngine
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import RolloutSettings
from mdsnake.families.kstep.exact import Exact
from mdsnake.families.kstep.hybrid import Propagator, Proposal
from mdsnake.families.kstep.members import open_propagator, open_proposal
from mdsnake.families.kstep.pilot import Choices, choices
from mdsnake.physics.integrators import State, make_state, remove_com, thermostat
from mdsnake.physics.potential import Potential, open_classical, open_potential
from mdsnake.rollout.pieces import last_states, pieces_of, stacked
from mdsnake.seeds import seed_sequence
from mdsnake.store.atomic import write_text
from mdsnake.store.budget import Budget
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory, provenance
from mdsnake.store.pieces import Piece, join, run_pieces
from mdsnake.store.work import fingerprint, read_note, work_folder

#: Multiples of it fill the unit interval evenly (modulo 1).
GOLDEN = 0.6180339887498949

Step = Callable[[Sequence[State], np.random.Generator], list[State]]
Maker = Callable[[Piece | None], Piece]


def rollout(
    prepared: Path,
    settings: RolloutSettings,
    engine: PlainEngine,
    start: Path,
    model: Path | None,
    out: Path,
    nve: Path,
    work: Path,
    device: str = "auto",
    budget: Budget | None = None,
) -> None:
    """Write the NVT run to `out` and the NVE run to `nve`; an interrupted job goes on from its last piece.

    `start` is a trajectory of the engine, from which the walkers' first states are taken.
    """
    _check(settings, engine)
    graph, source = MoleculeGraph.load(prepared / "graph.json"), Trajectory.load(start)
    source.check(graph.numbers, start)
    proposal, potential = open_proposal(settings, graph, model, device), open_potential(prepared, engine)
    files = [prepared / "graph.json", prepared / "system.xml", start, *([model] if model else [])]
    told = {"settings": settings.model_dump(mode="json"), "engine": engine.model_dump(mode="json")}
    lag, lengths = settings.jump.lag_ps, settings.rollout
    with work_folder(work, fingerprint(VERSIONS["rollout"], *told.values(), *files)) as folder:
        potential = _resumed(potential, prepared, engine, folder / "platform")

        def thermal(count: int) -> list[State]:
            return thermal_states(source, start, potential, count, settings.seed)

        begun = time.perf_counter()
        opened = partial(open_propagator, settings, potential, graph, proposal, partial(open_classical, prepared))
        pilots = partial(choices, settings, engine, potential, thermal, opened, source.n_frames)
        chosen = _once(folder / "chosen.json", pilots)
        if settings.rollout.compile and proposal:
            proposal.compile(chosen.walkers)
        setup_ms = 1e3 * (time.perf_counter() - begun)
        potential.reset()
        states = thermal(chosen.walkers)
        propagator = opened(chosen.verlet_steps)
        untested, tested = propagator.untested(), isinstance(propagator, Exact)
        step = _thermostatted(propagator, potential, lag, chosen.friction_per_ps, engine.temperature_K)
        nvt = _makers("nvt", settings, step, propagator, proposal, potential, states, lengths.time_ps)
        free = _makers("nve", settings, untested, untested, proposal, potential, states, lengths.nve_ps)

        def report(index: int, piece: Piece, seconds: float) -> None:
            share = 100 * (index + 1) / (len(nvt) + len(free))
            run = f"{lengths.time_ps:g} ps thermostatted" if index < len(nvt) else f"{lengths.nve_ps:g} ps free"
            print(f"{potential.name} {settings.member}: {share:.0f} %, in {run} of {len(states)} walkers", flush=True)

        pieces = run_pieces(folder, [*nvt, *free], report, budget)
        warm, drifting = join(pieces[: len(nvt)], axis=1), join(pieces[len(nvt) :], axis=1)
        potential.reset()
        if proposal:
            proposal.reset()
        warm.counters["setup_ms"] = setup_ms
        drifting.counters["reversibility_rms_nm"] = reversibility(untested, states)
        about = provenance(**told, chosen=chosen._asdict(), **potential.about)
        _trajectory(warm, potential, lag, about, tested).save(out)
        _trajectory(drifting, potential, lag, about, tested=False).save(nve)


def _check(settings: RolloutSettings, engine: PlainEngine) -> None:
    """`UserError` where the jump is one of another engine."""
    for name in ("timestep_fs", "temperature_K", "constraints"):
        jumps, runs = getattr(settings.jump, name), getattr(engine, name)
        if jumps != runs:
            raise UserError(f"{settings.member}: {name}: {jumps} in the jump, {runs} in the engine; make them the same")


def _resumed(potential: Potential, prepared: Path, engine: PlainEngine, note: Path) -> Potential:
    """The potential, for a resumed job on the platform that it was begun on."""
    chosen = potential.about.get("platform", engine.platform)
    begun = read_note(note) or chosen
    write_text(note, begun)
    return potential if begun == chosen else open_potential(prepared, engine.model_copy(update={"platform": begun}))


def _once(note: Path, choose: Callable[[], Choices]) -> Choices:
    """The choices noted by a job that goes on, else those made now."""
    if not read_note(note):
        write_text(note, json.dumps(choose()._asdict()))
    return Choices(**json.loads(read_note(note)))


def thermal_states(trajectory: Trajectory, path: Path, potential: Potential, count: int, seed: int) -> list[State]:
    """`count` evenly spaced frames of the `trajectory` in the file `path`, other ones for each seed."""
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


def _makers(
    name: str,
    settings: RolloutSettings,
    step: Step,
    propagator: Propagator,
    proposal: Proposal | None,
    potential: Potential,
    states: list[State],
    time_ps: float,
) -> list[Maker]:
    """The pieces of a run of all walkers over `time_ps`; the first starts from `states`."""

    def make(index: int, count: int, before: Piece | None) -> Piece:
        rng = np.random.default_rng(seed_sequence(settings.seed, f"{potential.name}/{name}", index))
        current = last_states(before) if index and before else states
        if proposal:
            proposal.reset()
        return _piece(step, current, count, rng, propagator, potential)

    counts = pieces_of(max(1, round(time_ps / settings.jump.lag_ps)))
    return [partial(make, index, count) for index, count in enumerate(counts)]


def _thermostatted(
    propagator: Propagator, potential: Potential, lag_ps: float, friction: float, temperature: float
) -> Step:
    def half(states: Sequence[State], rng: np.random.Generator) -> list[State]:
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
    return Piece(stacked(frames), counters)


def _trajectory(
    piece: Piece, potential: Potential, lag_ps: float, about: dict[str, object], tested: bool
) -> Trajectory:
    """Walkers one after the other, each a segment; positions relative to the centre of mass.

    Jumps that were `tested` come with their outcomes.
    """
    walkers, frames = piece.arrays["energy"].shape
    counters = dict(piece.counters)
    tries = max(1.0, counters.pop("projections", 0.0))
    for name in ("nm", "nm_per_ps"):
        counters[f"projection_rms_{name}"] = float(np.sqrt(counters.pop(f"projection_sq_{name}", 0.0) / tries))
    jumps = np.concatenate(piece.arrays["jumps"]) if tested else None
    counters["counted_ps"] = lag_ps * float(walkers * frames if jumps is None else np.maximum(jumps, 1).sum())
    return Trajectory(
        numbers=potential.numbers,
        masses=potential.masses,
        positions=remove_com(np.concatenate(piece.arrays["x"]), potential.masses),
        velocities=np.concatenate(piece.arrays["v"]),
        forces=np.concatenate(piece.arrays["forces"]),
        potential=np.concatenate(piece.arrays["energy"]),
        segment=np.repeat(np.arange(walkers), frames),
        frame_ps=lag_ps,
        degrees_of_freedom=potential.degrees_of_freedom,
        provenance=about,
        counters=counters,
        energy_error=np.concatenate(piece.arrays["energy_error"]) if tested else None,
        jumps=jumps,
    )
