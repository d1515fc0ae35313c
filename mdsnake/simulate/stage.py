"""`mdsnake simulate`: reference trajectories and training bursts of one molecule with one engine."""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from mdsnake.config import VERSIONS, Engine, SimulateSettings
from mdsnake.physics.integrators import maxwell_boltzmann, remove_com
from mdsnake.seeds import integer_seed, seed_sequence
from mdsnake.simulate.chunks import Chunk, check_sound, run_chain
from mdsnake.simulate.frames import Cost, Dynamics, Frames
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory, provenance
from mdsnake.store.work import fingerprint, work_folder
from mdsnake.units import FEMTOSECOND

#: A job is cut into at most so many pieces; an interruption loses one of them.
PIECES = 25
#: No piece has fewer steps, as starting a piece takes as long as some thousand (openmm) or some ten (ase) steps.
SMALLEST_PIECE = {"openmm": 20_000, "ase": 200}

Piece = Callable[[Dynamics, np.ndarray, np.ndarray], Chunk]


def simulate_replica(prepared: Path, settings: SimulateSettings, replica: int, out: Path, work: Path) -> None:
    """Write the NVT trajectory of one replica: one segment, a frame at the start and after each `record_fs`.

    Counters cover production alone, so `total_ms / simulated_ps` is the cost of a picosecond.
    """
    engine, stream = settings.engine, f"{settings.name}/{settings.engine.potential}"
    interval = _steps(engine.record_fs, engine)
    n_frames = max(1, round(engine.production_ps / (engine.record_fs * FEMTOSECOND)))
    sizes = _shares(n_frames, interval, engine)

    def piece(dynamics: Dynamics, x: np.ndarray, v: np.ndarray, index: int, n: int) -> Chunk:
        cost = Cost()
        seed = integer_seed(settings.seed, stream, replica, index)
        frames, x, v = dynamics.nvt(x, v, seed, n, interval, cost)
        return Chunk(frames.centred(dynamics.potential.masses), x, v, cost)

    pieces: list[Piece] = [partial(piece, index=index, n=n) for index, n in enumerate(sizes, start=1)]
    with work_folder(work, _key(prepared, settings, f"replica {replica}")) as folder:
        job = _Job(Path(prepared), settings, f"replica {replica}", folder)
        chunks = job.run(stream, replica, pieces)
        frames = Frames.join([chunk.frames for chunk in chunks])
        segment = np.zeros(len(frames.potential), dtype=int)
        job.write(out, frames, segment, engine.record_fs * FEMTOSECOND, chunks[1:])


def simulate_bursts(prepared: Path, settings: SimulateSettings, out: Path, work: Path) -> None:
    """Write the NVE bursts: a segment each, with every step from the initial state on.

    The states they start from lie `spacing_ps` apart on an NVT trajectory of its own; motion of the centre of mass
    is removed, rotation is kept.  Counters cover bursts and spacing: what the training data cost.
    """
    engine, stream = settings.engine, f"{settings.name}/{settings.engine.potential}/bursts"
    spacing = _steps(engine.bursts.spacing_ps / FEMTOSECOND, engine)
    steps = _steps(engine.bursts.length_fs, engine)
    sizes = _shares(engine.bursts.count, spacing + steps, engine)

    def piece(dynamics: Dynamics, x: np.ndarray, v: np.ndarray, index: int, n: int) -> Chunk:
        cost, masses = Cost(), dynamics.potential.masses
        starts, x, v = dynamics.nvt(x, v, integer_seed(settings.seed, stream, 0, index), n, spacing, cost)
        bursts = [
            dynamics.nve(remove_com(start, masses), remove_com(velocity, masses), steps, cost).centred(masses)
            for start, velocity in zip(starts.positions, starts.velocities, strict=True)
        ]
        return Chunk(Frames.join(bursts), x, v, cost)

    pieces: list[Piece] = [partial(piece, index=index, n=n) for index, n in enumerate(sizes, start=1)]
    with work_folder(work, _key(prepared, settings, "bursts")) as folder:
        job = _Job(Path(prepared), settings, "bursts", folder)
        chunks = job.run(stream, 0, pieces)[1:]
        segment = np.repeat(np.arange(engine.bursts.count), steps + 1)
        frames = Frames.join([chunk.frames for chunk in chunks])
        job.write(out, frames, segment, engine.timestep_fs * FEMTOSECOND, chunks)


@dataclasses.dataclass
class _Job:
    """What a replica and a set of bursts have in common."""

    prepared: Path
    settings: SimulateSettings
    label: str
    folder: Path

    def __post_init__(self) -> None:
        self.graph = MoleculeGraph.load(self.prepared / "graph.json")
        self.dynamics = _open(self.prepared, self.settings.engine, self.folder)
        self.potential = self.dynamics.potential

    def run(self, stream: str, replica: int, pieces: list[Piece]) -> list[Chunk]:
        engine = self.settings.engine

        def equilibrate() -> Chunk:
            seed = self.settings.seed
            rng = np.random.default_rng(seed_sequence(seed, f"{stream}/velocities", replica))
            x = self.potential.project_positions(np.array(self.graph.positions))
            v = maxwell_boltzmann(self.potential, x, engine.temperature_K, rng)
            interval = _steps(engine.record_fs, engine)
            n = max(1, round(_steps(engine.equilibration_ps / FEMTOSECOND, engine) / interval))
            cost = Cost()
            frames, x, v = self.dynamics.nvt(x, v, integer_seed(seed, stream, replica, 0), n, interval, cost)
            return Chunk(frames.part(slice(-1, None)).centred(self.potential.masses), x, v, cost)

        def check(chunk: Chunk, index: int) -> None:
            when = "in equilibration" if index == 0 else f"in part {index} of {len(pieces)}"
            check_sound(chunk, self.potential, engine.temperature_K, f"{when} ({self.label}, {engine.potential})")

        def report(index: int, cost: Cost, seconds: float) -> None:
            ps = cost.steps * engine.timestep_fs * FEMTOSECOND
            rate = (
                f"{86.4 * ps / seconds:.4g} ns/day"
                if engine.potential == "openmm"
                else f"{60 * ps / seconds:.3g} ps/min"
            )
            done = "equilibrated" if index == 0 else f"{100 * index / len(pieces):.0f} %"
            print(f"{self.graph.name} {engine.potential} {self.label}: {done}, {rate}", flush=True)

        return run_chain(self.folder, equilibrate, [partial(p, self.dynamics) for p in pieces], check, report)

    def write(self, out: Path, frames: Frames, segment: np.ndarray, frame_ps: float, counted: list[Chunk]) -> None:
        Trajectory(
            numbers=self.potential.numbers,
            masses=self.potential.masses,
            positions=frames.positions,
            velocities=frames.velocities,
            forces=frames.forces,
            potential=frames.potential,
            segment=segment,
            frame_ps=frame_ps,
            degrees_of_freedom=self.potential.degrees_of_freedom,
            provenance=provenance(
                settings=self.settings.model_dump(mode="json"), run=self.label, **self.potential.about
            ),
            counters={
                "force_calls": sum(chunk.cost.steps for chunk in counted),
                "force_ms": sum(chunk.cost.force_ms for chunk in counted),
                "total_ms": sum(chunk.cost.step_ms for chunk in counted),
            },
        ).save(out)


def _open(prepared: Path, engine: Engine, folder: Path) -> Dynamics:
    if engine.potential == "openmm":
        from mdsnake.simulate.mm import MMDynamics

        return MMDynamics(prepared, engine, folder)
    from mdsnake.simulate.qm import QMDynamics

    return QMDynamics(prepared, engine, folder)


def _steps(duration_fs: float, engine: Engine) -> int:
    return max(1, round(duration_fs / engine.timestep_fs))


def _shares(total: int, steps: int, engine: Engine) -> list[int]:
    """`total` items of `steps` steps each, in pieces of nearly equal size."""
    size = max(math.ceil(total / PIECES), math.ceil(SMALLEST_PIECE[engine.potential] / steps))
    return [min(size, total - start) for start in range(0, total, size)]


def _key(prepared: Path, settings: SimulateSettings, label: str) -> str:
    files = [path for name in ("system.xml", "graph.json") if (path := Path(prepared) / name).exists()]
    return fingerprint(settings.model_dump(mode="json"), label, VERSIONS["simulate"], *files)
