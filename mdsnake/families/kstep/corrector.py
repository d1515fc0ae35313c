"""The physics around a jump: half a kick of the true force before it, half a kick after it.

The word half-kick ∘ jump ∘ half-kick reads the same from both ends, so it is reversible where the jump is, and it
costs one force evaluation: that of the last half-kick is the next jump's first.
"""

from typing import TYPE_CHECKING, TypeVar

from jaxtyping import Float

if TYPE_CHECKING:  # controls run without torch
    import numpy as np
    from torch import Tensor

    A = TypeVar("A", np.ndarray, Tensor)
else:
    A = TypeVar("A")


def half_kick(
    force: Float[A, "*walkers atoms 3"], mass: Float[A, "atoms 1"], lag_ps: float
) -> Float[A, "*walkers atoms 3"]:
    """Change of velocity in nm/ps by half of the lag under `force` in kJ/mol/nm; mass in Da."""
    return 0.5 * lag_ps * force / mass
