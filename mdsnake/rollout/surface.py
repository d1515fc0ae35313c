"""A trajectory model at work: it goes on from walkers of the reference, and is timed beside the simulator.

The walkers of the reference start at equilibrium, so a true roll-out stays there.
"""

import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from mdsnake.config import VERSIONS
from mdsnake.errors import UserError
from mdsnake.families.base import resolve_device
from mdsnake.families.trajbert.config import Rollout, RolloutSettings
from mdsnake.families.trajbert.generate import generate
from mdsnake.families.trajbert.surface import read_exact
from mdsnake.families.trajbert.task import load_model
from mdsnake.physics.surface import SURFACES
from mdsnake.physics.walkers import propagate
from mdsnake.rollout.pieces import pieces_of
from mdsnake.seeds import integer_seed, seed_sequence
from mdsnake.store.budget import Budget
from mdsnake.store.h5md import provenance
from mdsnake.store.pieces import Piece, join, run_pieces
from mdsnake.store.walkers import load_walkers, paths, walkers_trajectory
from mdsnake.store.work import fingerprint, work_folder

#: What the simulator is timed over.
TIMED_FRAMES = 200


def rollout_surface(
    prepared: Path,
    settings: RolloutSettings,
    start: Path,
    model: Path,
    out: Path,
    work: Path,
    device: str = "auto",
    budget: Budget | None = None,
) -> None:
    """Write what the model generates to `out`; an interrupted job goes on from its last piece.

    `start` is a run of the reference.  Velocities are not modelled, and stored as zeros.  A surface that was `prepared`
    with other dynamics is a `UserError`.
    """
    system, place = settings.system, resolve_device(device)
    network = load_model(model, system).to(place)
    told = settings.rollout.of(network.network.mode, network.about.window.length)
    read_exact(prepared, system)
    prompt = prompts(paths(load_walkers(start, system.record), start), told, settings.seed, start)
    stream = f"{settings.name}/{settings.member}/{settings.how}"

    def make(index: int, count: int, before: Piece | None) -> Piece:
        known = prompt if before is None else before.arrays["known"]
        noise = torch.Generator().manual_seed(integer_seed(settings.seed, stream, 0, index))
        begun = time.perf_counter()
        window = torch.tensor(known, dtype=torch.float32, device=place)
        x = generate(network, window, count, settings.how, noise, told.slide).cpu().numpy()
        known = np.concatenate([known, x], axis=1)[:, -told.prompt :]
        return Piece({"x": x, "known": known}, {"total_ms": 1e3 * (time.perf_counter() - begun)})

    def report(index: int, piece: Piece, seconds: float) -> None:
        rate = piece.arrays["x"][..., 0].size / seconds
        share = 100 * (index + 1) / len(makers)
        print(f"{settings.name} {settings.member}: {share:.0f} %, {rate:.0f} frames/s", flush=True)

    makers = [partial(make, index, count) for index, count in enumerate(pieces_of(told.frames, told.slide))]
    files = [start, model, prepared / "surface.json"]
    with work_folder(work, fingerprint(VERSIONS["rollout"], settings.model_dump(mode="json"), *files)) as folder:
        pieces = run_pieces(folder, makers, report, budget)
        whole = join(pieces, axis=1)
        x = whole.arrays["x"].astype(float)
        timed = simulator_ms(settings, prompt[:, -1])
        counters = whole.counters | {"network_calls": float(told.frames), "simulator_ms": timed}
        surface = SURFACES[system.surface]
        about = provenance(settings=settings.model_dump(mode="json"), model=str(model))
        with np.errstate(over="ignore", invalid="ignore"):  # a model may leave the surface
            energy, force = surface.energy(x), surface.force(x)
            walkers_trajectory(x, np.zeros_like(x), force, energy, system.record, about, counters).save(out)


def prompts(
    x: Float[np.ndarray, "walkers frames 2"], rollout: Rollout, seed: int, path: Path
) -> Float[np.ndarray, "chosen prompt 2"]:
    """Frames of walkers of the reference: for each seed of other walkers, and later ones, as far as it has any."""
    if x.shape[0] < rollout.walkers or x.shape[1] < rollout.prompt:
        raise UserError(
            f"{path}: {x.shape[0]} walkers of {x.shape[1]} frames, but {rollout.walkers} of {rollout.prompt} to start "
            "from; raise trajectories.reference"
        )
    chosen = (np.arange(rollout.walkers) + seed * rollout.walkers) % len(x)
    first = seed * rollout.prompt % (x.shape[1] - rollout.prompt + 1)
    return x[chosen, first : first + rollout.prompt]


def simulator_ms(settings: RolloutSettings, x: Float[np.ndarray, "walkers 2"]) -> float:
    """What the simulator takes for as many walkers and frames, in this job, by the fewer that it is timed over."""
    system, frames = settings.system, min(TIMED_FRAMES, settings.rollout.frames)
    rng = np.random.default_rng(seed_sequence(settings.seed, f"{settings.name}/timing"))
    force, steps = SURFACES[system.surface].force, system.steps_per_frame
    v = np.zeros_like(x)
    begun = time.perf_counter()
    for _ in range(frames):
        x, v = propagate(force, x, v, system.kT, system.friction, system.timestep, steps, rng)
    return 1e3 * (time.perf_counter() - begun) * settings.rollout.frames / frames
