"""What the classifier is to tell: the basin that a trajectory enters next."""

import numpy as np
from jaxtyping import Float, Int

from mdsnake.physics.surface import SURFACES


def next_basin(
    surface: str, positions: Float[np.ndarray, "frames 2"], segment: Int[np.ndarray, " frames"]
) -> Int[np.ndarray, " frames"]:
    """For each frame the basin, 0 or 1, that its segment enters next: its own inside one, −1 where none is reached."""
    basin = SURFACES[surface].state(positions)
    frames = np.arange(len(basin))
    entered = np.minimum.accumulate(np.where(basin >= 0, frames, len(basin))[::-1])[::-1]
    reached = entered < len(basin)
    entered = np.where(reached, entered, 0)
    return np.where(reached & (segment[entered] == segment), basin[entered], -1)
