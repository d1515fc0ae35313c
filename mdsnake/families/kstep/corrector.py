"""The physics around a jump: half a kick of the true force before it, half a kick after it.

The word half-kick ∘ jump ∘ half-kick reads the same from both ends, so it is reversible where the jump is, and it
costs one force evaluation: that of the last half-kick is the next jump's first.
"""

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

A = TypeVar("A", "np.ndarray", "Tensor")


def half_kick(force: A, mass: A, lag_ps: float) -> A:
    """Change of velocity in nm/ps by half of the lag under `force` (..., N, 3) kJ/mol/nm; mass (N, 1) Da."""
    return 0.5 * lag_ps * force / mass
