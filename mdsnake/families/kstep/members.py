"""Every member of the room by name, as a propagator of one molecule.  Controls run without torch."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mdsnake.errors import UserError
from mdsnake.families.kstep.config import CONTROLS, FLEXIBLE_CONTROLS, Jump, RolloutSettings
from mdsnake.families.kstep.exact import Exact, Untested
from mdsnake.families.kstep.hybrid import Frozen, Hybrid, Propagator, Proposal, Verlet
from mdsnake.families.kstep.moves import LearnedMove, SurrogateMove, VerletMove
from mdsnake.physics.potential import Potential
from mdsnake.store.graph import MoleculeGraph


@dataclasses.dataclass(frozen=True)
class Straight:
    """The proposal of going straight on for `time_ps`."""

    time_ps: float

    def __call__(self, x: np.ndarray, v: np.ndarray, force: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
        return self.time_ps * v, np.zeros_like(v)

    def reset(self) -> None:
        return None

    def compile(self, walkers: int) -> None:
        return None


def control_proposal(name: str, jump: Jump) -> Proposal:
    """`zero` leaves everything where it is; `ballistic` goes straight on: with the half-kicks, one Verlet step."""
    return Straight({"zero": 0.0, "ballistic": jump.lag_ps}[name])


def open_proposal(
    settings: RolloutSettings, graph: MoleculeGraph, model: Path | None, device: str = "auto"
) -> Proposal | None:
    """The jump of `settings.member`; None of one that has another way."""
    member = settings.member
    if member in ("zero", "ballistic"):
        return control_proposal(member, settings.jump)
    if member in CONTROLS:
        return None
    if model is None:
        raise UserError(f"{member}: a learned member needs --model; controls are {', '.join(CONTROLS)}")
    from mdsnake.families.kstep.learned import learned_proposal

    return learned_proposal(model, settings.jump, graph, device)


def open_propagator(
    settings: RolloutSettings,
    potential: Potential,
    graph: MoleculeGraph,
    proposal: Proposal | None,
    surrogate: Callable[[], Potential] | None = None,
    verlet_steps: int | None = None,
) -> Propagator:
    """The propagator of `settings.member`.

    Parameters
    ----------
    proposal : that of `open_proposal`
    surrogate : opens the cheap potential of `hmc-mm` and `respa`
    verlet_steps : of a jump of `verlet-stable` and of `hmc`, for `pilot.choices` to choose; none: the engine's
    """
    member, jump, extra = settings.member, settings.jump, settings.rollout.extra_chances
    if len(potential.constraints) and (settings.exact or member in FLEXIBLE_CONTROLS):
        raise UserError(f"{member}: refuses rigid bonds, which a Metropolis test cannot hold; set constraints: none")
    if member == "zero":
        return Frozen()
    steps = {"verlet": jump.k, "verlet-double": -(-jump.k // 2)}.get(member, verlet_steps or jump.k)
    if member in ("verlet", "verlet-double", "verlet-stable"):
        return Verlet(potential, steps, jump.lag_ps / steps)
    if member == "hmc":
        return Exact(potential, VerletMove(potential, steps, jump.lag_ps / steps), jump.temperature_K, extra)
    if member in ("hmc-mm", "respa"):
        if surrogate is None:
            raise UserError(f"{member}: needs a classical surrogate of the potential")
        steps = int(np.ceil(jump.lag_ps / (settings.rollout.surrogate_timestep_fs * 1e-3) - 1e-9))
        move = SurrogateMove(potential, surrogate(), steps, jump.lag_ps / steps, corrected=member == "respa")
        return Untested(move) if member == "respa" else Exact(potential, move, jump.temperature_K, extra)
    assert proposal is not None
    if settings.exact:
        return Exact(potential, LearnedMove(potential, proposal, jump.lag_ps), jump.temperature_K, extra)
    return Hybrid(potential, proposal, jump, settings.rollout, np.array(graph.bonds), graph.bond_lengths)
