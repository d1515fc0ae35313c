"""How well the next frame could be told: exact steps from the same points."""

import numpy as np
from jaxtyping import Float

from mdsnake.families.trajbert.config import System
from mdsnake.physics.surface import SURFACES
from mdsnake.physics.walkers import propagate

COPIES = 32


def exact_steps(
    x: Float[np.ndarray, "points 2"], v: Float[np.ndarray, "points 2"], system: System, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "points 2"], float]:
    """Means of the next frames after the points x with velocities v, and the variance about them, summed over both
    coordinates: 4 kT dt for overdamped walkers and a single short step.
    """
    starts = np.repeat(x, COPIES, axis=0), np.repeat(v, COPIES, axis=0)
    force, steps = SURFACES[system.surface].force, system.steps_per_frame
    ends, _ = propagate(force, *starts, system.kT, system.friction, system.timestep, steps, rng)
    copies = ends.reshape(len(x), COPIES, 2)
    return copies.mean(1), float(copies.var(axis=1, ddof=1).sum(-1).mean())
