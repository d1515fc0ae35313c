"""`mdsnake simulate`: reference trajectories and training bursts of one molecule with one engine."""

import dataclasses
import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from mdsnake.config import VERSIONS, PlainEngine, SimulateSettings
from mdsnake.errors import UserError
from mdsnake.physics.integrators import maxwell_boltzmann, remove_com
from mdsnake.physics.potential import Potential
from mdsnake.seeds import integer_seed, seed_sequence
from mdsnake.simulate.frames import Cost, Dynamics, Frames, check_sound
from mdsnake.store.budget import Budget
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory, provenance
from mdsnake.store.pieces import Piece, join, run_pieces
from mdsnake.store.work import fingerprint, work_folder
from mdsnake.units import FEMTOSECOND

#: A job is cut into at most so many pieces; an interruption loses one of them.
PIECES = 25
#: No piece has fewer steps, as starting a piece takes as long as some thousand (openmm) or some ten (ase) steps.
SMALLEST_PIECE = {"openmm": 20_000, "ase": 200}

#: Frames of a piece and the state after them, from the state before them.
Maker = Callable[[Dynamics, np.ndarray, np.ndarray, Cost], tuple[Frames, np.ndarray, np.ndarray]]


def simulate(
    prepared: Path,
    settings: SimulateSettings,
    run: str,
    out: Path,
    work: Path,
    start: Path | None = None,
    budget: Budget | None = None,
) -> None:
    """Write the run of this name: `replica0` and so on, or `bursts`, which may `start` from those of another engine."""
    replica = re.fullmatch(r"replica(\d{1,9})", run)
    if replica and start:
        raise UserError(f"simulate: --start: {run} begins where the molecule was prepared; leave it out")
    if replica:
        simulate_replica(prepared, settings, int(replica[1]), out, work, budget)
    elif run == "bursts":
        simulate_bursts(prepared, settings, out, work, start, budget)
    else:
        raise UserError(f"simulate: --run: no {run!r}; give replica0, replica1 and so on, or bursts")


def simulate_replica(
    prepared: Path, settings: SimulateSettings, replica: int, out: Path, work: Path, budget: Budget | None = None
) -> None:
    """Write the NVT trajectory of one replica: one segment, a frame at the start and after each `record_fs`.

    Counters cover production alone, so `total_ms / simulated_ps` is the cost of a picosecond.
    """
    engine, stream = settings.engine, f"{settings.name}/{settings.engine.potential}"
    interval = _steps(engine.record_fs, engine)
    n_frames = max(1, round(engine.production_ps / (engine.record_fs * FEMTOSECOND)))
    sizes = _shares(n_frames, interval, engine)

    def piece(
        dynamics: Dynamics, x: np.ndarray, v: np.ndarray, cost: Cost, index: int, n: int
    ) -> tuple[Frames, np.ndarray, np.ndarray]:
        return dynamics.nvt(x, v, integer_seed(settings.seed, stream, replica, index), n, interval, cost)

    makers: list[Maker] = [partial(piece, index=index, n=n) for index, n in enumerate(sizes, start=1)]
    begin = _opened(Path(prepared), settings, f"replica {replica}")
    with work_folder(work, _key(prepared, settings, f"replica {replica}")) as folder:
        job = begin(folder)
        pieces = job.run(stream, replica, makers, budget)
        segment = np.zeros(n_frames + 1, dtype=int)
        job.write(out, pieces, segment, engine.record_fs * FEMTOSECOND)


def simulate_bursts(
    prepared: Path,
    settings: SimulateSettings,
    out: Path,
    work: Path,
    start: Path | None = None,
    budget: Budget | None = None,
) -> None:
    """Write the NVE bursts: a segment each, with every step from the initial state on.

    The states they start from lie `spacing_ps` apart on an NVT trajectory of its own, whose friction decides how much
    of a mode's energy the next burst still has; or each comes that long after a place in the file `start`, bursts of
    another engine, where velocities are drawn: so they see its conformers, however slowly these turn into each other.
    Motion of the centre of mass is removed, rotation is kept.  Counters cover bursts and spacing: what the
    training data cost.
    """
    engine, stream = settings.engine, f"{settings.name}/{settings.engine.potential}/bursts"
    if settings.bursts is None:
        raise UserError("simulate: --settings: bursts: needed for a run of bursts")
    if (settings.bursts.start is None) != (start is None):
        raise UserError("simulate: --start: needed where bursts.start names an engine, and only there")
    spacing = _steps(settings.bursts.spacing_ps / FEMTOSECOND, engine)
    steps = _steps(settings.bursts.length_fs, engine)
    sizes = _shares(settings.bursts.count, spacing + steps, engine)
    places = _spread(start, Path(prepared), settings.bursts.count) if start else np.empty(0)

    def along(
        dynamics: Dynamics, x: np.ndarray, v: np.ndarray, cost: Cost, index: int, n: int
    ) -> tuple[Frames, np.ndarray, np.ndarray]:
        return dynamics.nvt(x, v, integer_seed(settings.seed, stream, 0, index), n, spacing, cost)

    def apart(
        dynamics: Dynamics, x: np.ndarray, v: np.ndarray, cost: Cost, index: int, n: int
    ) -> tuple[Frames, np.ndarray, np.ndarray]:
        first, frames = sum(sizes[: index - 1]), []
        for burst in range(first, first + n):
            x, v = _drawn(dynamics.potential, places[burst], settings, stream, burst)
            frame, x, v = dynamics.nvt(x, v, integer_seed(settings.seed, stream, 1, burst), 1, spacing, cost)
            frames.append(frame)
        return Frames.join(frames), x, v

    def piece(
        dynamics: Dynamics, x: np.ndarray, v: np.ndarray, cost: Cost, index: int, n: int
    ) -> tuple[Frames, np.ndarray, np.ndarray]:
        masses = dynamics.potential.masses
        starts, x, v = (apart if start else along)(dynamics, x, v, cost, index, n)
        bursts = [
            dynamics.nve(remove_com(start, masses), remove_com(velocity, masses), steps, cost)
            for start, velocity in zip(starts.positions, starts.velocities, strict=True)
        ]
        return Frames.join(bursts), x, v

    makers: list[Maker] = [partial(piece, index=index, n=n) for index, n in enumerate(sizes, start=1)]
    begin = _opened(Path(prepared), settings, "bursts")
    with work_folder(work, _key(prepared, settings, "bursts", *([start] if start else []))) as folder:
        job = begin(folder)
        pieces = job.run(stream, 0, makers, budget, equilibrated=not start)
        segment = np.repeat(np.arange(sum(sizes)), steps + 1)
        job.write(out, pieces[-len(sizes) :], segment, engine.timestep_fs * FEMTOSECOND)


@dataclasses.dataclass
class _Job:
    """What a replica and a set of bursts have in common."""

    graph: MoleculeGraph
    dynamics: Dynamics
    settings: SimulateSettings
    label: str
    folder: Path

    def __post_init__(self) -> None:
        self.potential = self.dynamics.potential

    def run(
        self, stream: str, replica: int, makers: list[Maker], budget: Budget | None, equilibrated: bool = True
    ) -> list[Piece]:
        """The pieces; that of equilibration first, if there is one: one frame, and no costs."""
        engine, seed = self.settings.engine, self.settings.seed

        def equilibrate(before: Piece | None) -> Piece:
            x, v = _drawn(self.potential, np.array(self.graph.positions), self.settings, stream, replica)
            interval = _steps(engine.record_fs, engine)
            n = max(1, round(_steps(engine.equilibration_ps / FEMTOSECOND, engine) / interval))
            frames, x, v = self.dynamics.nvt(x, v, integer_seed(seed, stream, replica, 0), n, interval, Cost())
            return checked("in equilibration", frames.part(slice(-1, None)), x, v, Cost())

        def follow(make: Maker, index: int, before: Piece | None) -> Piece:
            rest = np.array(self.graph.positions)
            x, v = (before.arrays["x"], before.arrays["v"]) if before else (rest, np.zeros_like(rest))
            cost = Cost()
            frames, x, v = make(self.dynamics, x, v, cost)
            return checked(f"in part {index} of {len(makers)}", frames, x, v, cost)

        def checked(when: str, frames: Frames, x: np.ndarray, v: np.ndarray, cost: Cost) -> Piece:
            frames, when = frames.centred(self.potential.masses), f"{when} ({self.label}, {engine.potential})"
            check_sound(frames, x, v, self.potential, engine.temperature_K, when)
            return Piece({**vars(frames), "x": x, "v": v}, vars(cost))

        def report(index: int, piece: Piece, seconds: float) -> None:
            ps = piece.counters["steps"] * engine.timestep_fs * FEMTOSECOND
            rate = (
                f"{86.4 * ps / seconds:.4g} ns/day"
                if engine.potential == "openmm"
                else f"{60 * ps / seconds:.3g} ps/min"
            )
            index += not equilibrated
            done = f"{100 * index / len(makers):.0f} %, {rate}" if index else "equilibrated"
            print(f"{self.graph.name} {engine.potential} {self.label}: {done}", flush=True)

        following = [partial(follow, make, index) for index, make in enumerate(makers, start=1)]
        return run_pieces(self.folder, [*([equilibrate] if equilibrated else []), *following], report, budget)

    def write(self, out: Path, pieces: list[Piece], segment: np.ndarray, frame_ps: float) -> None:
        whole = join(pieces)
        Trajectory(
            numbers=self.potential.numbers,
            masses=self.potential.masses,
            positions=whole.arrays["positions"],
            velocities=whole.arrays["velocities"],
            forces=whole.arrays["forces"],
            potential=whole.arrays["potential"],
            segment=segment,
            frame_ps=frame_ps,
            degrees_of_freedom=self.potential.degrees_of_freedom,
            provenance=provenance(
                settings=self.settings.model_dump(mode="json"), run=self.label, **self.potential.about
            ),
            counters={
                "force_calls": whole.counters["steps"],
                "force_ms": whole.counters["force_ms"],
                "total_ms": whole.counters["step_ms"],
            },
        ).save(out)


def _opened(prepared: Path, settings: SimulateSettings, label: str) -> Callable[[Path], _Job]:
    """The job, once it is told its scratch folder; inputs are read before, so that a bad one costs no earlier work."""
    graph, engine = MoleculeGraph.load(prepared / "graph.json"), settings.thermostatted
    if engine.potential == "openmm":
        from mdsnake.physics.openmm import load_system
        from mdsnake.simulate.mm import MMDynamics

        system, _ = load_system(prepared, engine.constraints)
        return lambda folder: _Job(graph, MMDynamics(system, graph, engine, folder), settings, label, folder)
    from mdsnake.simulate.qm import QMDynamics

    dynamics = QMDynamics(prepared, engine)
    return lambda folder: _Job(graph, dynamics, settings, label, folder)


def _steps(duration_fs: float, engine: PlainEngine) -> int:
    return max(1, round(duration_fs / engine.timestep_fs))


def _shares(total: int, steps: int, engine: PlainEngine) -> list[int]:
    """`total` items of `steps` steps each, in pieces of nearly equal size."""
    size = max(math.ceil(total / PIECES), math.ceil(SMALLEST_PIECE[engine.potential] / steps))
    return [min(size, total - start) for start in range(0, total, size)]


def _drawn(
    potential: Potential, x: np.ndarray, settings: SimulateSettings, stream: str, index: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions `x` with rigid bonds at their length, and thermal velocities: those of this `index` of the stream."""
    rng = np.random.default_rng(seed_sequence(settings.seed, f"{stream}/velocities", index))
    x = potential.project_positions(x)
    return x, maxwell_boltzmann(potential, x, settings.engine.temperature_K, rng)


def _spread(start: Path, prepared: Path, count: int) -> np.ndarray:
    """Positions (count, N, 3) in nm, evenly over all frames of the file `start`."""
    trajectory = Trajectory.load(start)
    trajectory.check(MoleculeGraph.load(prepared / "graph.json").numbers, start)
    frames = np.linspace(0, trajectory.n_frames - 1, count).astype(int)
    return trajectory.positions[frames].astype(float)


def _key(prepared: Path, settings: SimulateSettings, label: str, *others: Path) -> str:
    files = [path for name in ("system.xml", "graph.json") if (path := Path(prepared) / name).exists()]
    return fingerprint(settings.model_dump(mode="json"), label, VERSIONS["simulate"], *files, *others)
