"""How the states of walkers lie in a piece of a roll-out: (W, F, …) for W walkers and F frames."""

from collections.abc import Sequence

import numpy as np

from mdsnake.physics.integrators import State
from mdsnake.store.pieces import Piece

MOST_PIECES = 20
ARRAYS = ("x", "v", "energy", "forces", "work", "energy_error", "jumps")  # of a state, in its order


def pieces_of(frames: int, multiple: int = 1) -> list[int]:
    """Frames of each piece: as even as can be, none empty, all but the last one a `multiple`."""
    parts = np.array_split(np.arange(0, frames, multiple), min(MOST_PIECES, max(1, -(-frames // multiple))))
    edges = [*(part[0] for part in parts if len(part)), frames]
    return np.diff(edges).tolist()


def stacked(frames: Sequence[Sequence[State]]) -> dict[str, np.ndarray]:
    """x, v, forces (W, F, N, 3) in nm, nm/ps, kJ/mol/nm; the others (W, F), energies in kJ/mol."""
    return {
        name: np.array([[getattr(state, name) for state in frame] for frame in frames]).swapaxes(0, 1)
        for name in ARRAYS
    }


def last_states(piece: Piece) -> list[State]:
    ends = zip(*(piece.arrays[name][:, -1] for name in ARRAYS), strict=True)
    return [
        State(x, v, float(energy), forces, float(work), float(error), int(jumps))
        for x, v, energy, forces, work, error, jumps in ends
    ]
