"""`mdsnake simulate` on a surface: many independent walkers, each a segment of one trajectory."""

import math
import time
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from mdsnake.config import VERSIONS
from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import Run, SimulateSettings, System
from mdsnake.families.trajbert.surface import read_exact
from mdsnake.physics.generator import BOX
from mdsnake.physics.surface import SURFACES, MuellerBrown2D
from mdsnake.physics.walkers import propagate
from mdsnake.seeds import seed_sequence
from mdsnake.store.budget import Budget
from mdsnake.store.h5md import provenance
from mdsnake.store.pieces import Piece, join, run_pieces
from mdsnake.store.walkers import walkers_trajectory
from mdsnake.store.work import fingerprint, work_folder
from mdsnake.units import BOLTZMANN

#: A run is cut into at most so many pieces; an interruption loses one of them.
PIECES = 25
#: No piece has fewer steps, as writing one takes as long as some hundred.
SMALLEST_PIECE = 2000


def simulate_surface(
    prepared: Path, settings: SimulateSettings, run: Run, out: Path, work: Path, budget: Budget | None = None
) -> None:
    """Write the walkers of a run: a segment each, a frame at the start and after each `record`.

    Walkers of a split start as `starting_points` tells.  Those of a replica start at equilibrium, so that nothing
    relaxes in what others are compared with.  A step of a walker counts as a force call.
    """
    if run not in get_args(Run):
        raise UserError(f"--run: no {run!r} on a surface; choose from {', '.join(get_args(Run))}")
    prepared, system = Path(prepared), settings.system
    exact, surface = read_exact(prepared, system), SURFACES[system.surface]
    walkers, frames = settings.extent.walkers, settings.extent.frames
    stream = f"{settings.name}/{run}"
    seeds = partial(seed_sequence, settings.seed, stream)
    size = max(math.ceil((frames - 1) / PIECES), math.ceil(SMALLEST_PIECE / system.steps_per_frame))
    sizes = [min(size, frames - done) for done in range(1, frames, size)]

    def start(before: Piece | None) -> Piece:
        rng = np.random.default_rng(seeds(0))
        at_equilibrium = run in ("replica0", "replica1")
        x = exact.sample(walkers, rng) if at_equilibrium else starting_points(surface, system.kT, walkers, rng)
        v = np.zeros_like(x) if system.friction is None else math.sqrt(system.kT) * rng.standard_normal(x.shape)
        return _piece(surface, x[None], v[None], {})

    def follow(index: int, before: Piece | None) -> Piece:
        assert before is not None
        rng, n = np.random.default_rng(seeds(index)), sizes[index - 1]
        piece = _follow(system, before.arrays["x"], before.arrays["v"], n, rng)
        if not all(np.isfinite(piece.arrays[name]).all() for name in "xv"):
            raise UserError(f"{stream}: the dynamics exploded in part {index} of {len(sizes)}; shorten timestep")
        return piece

    def report(index: int, piece: Piece, seconds: float) -> None:
        rate = piece.counters.get("force_calls", 0) / seconds
        print(f"{stream}: {100 * index / len(sizes):.0f} %, {rate:.3g} steps of a walker a second", flush=True)

    told = [settings.name, system.model_dump(mode="json"), walkers, frames, settings.seed, run, VERSIONS["simulate"]]
    with work_folder(work, fingerprint(told, prepared / "surface.json", prepared / "exact.json")) as folder:
        following = [partial(follow, index) for index in range(1, len(sizes) + 1)]
        whole = join(run_pieces(folder, [start, *following], report, budget))
        names = ("positions", "velocities", "forces", "potential")
        x, v, force, energy = (whole.arrays[name].swapaxes(0, 1) for name in names)
        about = provenance(settings=settings.model_dump(mode="json"), run=run, temperature_K=system.kT / BOLTZMANN)
        walkers_trajectory(x, v, force, energy, system.record, about, whole.counters).save(out)


def _follow(system: System, x: np.ndarray, v: np.ndarray, n: int, rng: np.random.Generator) -> Piece:
    """The `n` frames after the state x, v (W, 2)."""
    surface = SURFACES[system.surface]
    positions, velocities = np.empty((2, n, *x.shape))
    begun = time.perf_counter()
    with np.errstate(over="ignore", invalid="ignore"):
        for frame in range(n):
            x, v = propagate(
                surface.force, x, v, system.kT, system.friction, system.timestep, system.steps_per_frame, rng
            )
            positions[frame], velocities[frame] = x, v
        spent, steps = 1e3 * (time.perf_counter() - begun), n * system.steps_per_frame * len(x)
        return _piece(
            surface, positions, velocities, {"force_calls": float(steps), "force_ms": spent, "total_ms": spent}
        )


def starting_points(surface: MuellerBrown2D, kT: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Points, (count, 2), drawn evenly from where in `BOX` the energy is below 10 kT above the deepest saddle."""
    limit = surface.energy(surface.SADDLES).min() + 10 * kT
    low, high = np.transpose(BOX)
    found = np.empty((0, 2))
    while len(found) < count:
        drawn = rng.uniform(low, high, (2 * count, 2))
        found = np.concatenate([found, drawn[surface.energy(drawn) < limit]])
    return found[:count]


def _piece(surface: MuellerBrown2D, positions: np.ndarray, velocities: np.ndarray, counters: dict[str, float]) -> Piece:
    """Frames (F, W, 2) in the precision of the file, energies and forces at these very points, and the last state."""
    stored = positions.astype(np.float32)
    energy, force = surface.energy_force(stored)
    arrays = {
        "positions": stored,
        "velocities": velocities.astype(np.float32),
        "forces": force.astype(np.float32),
        "potential": energy,
    }
    return Piece({**arrays, "x": positions[-1], "v": velocities[-1]}, counters)
