"""The Verlet step of length δ that a jump is put in the middle of.

    opening   v ← v + δ/2 F(x)/m,  x ← x + δ/2 v
    jump      over τ − δ, learned
    closing   x ← x + δ/2 v,  v ← v + δ/2 F(x)/m

The word reads the same from both ends, so it is reversible where the jump is, and it costs one force
evaluation: that of the closing half is the next opening's.  All functions take numpy or torch arrays,
nm, ps, Da and kJ/mol/nm; masses broadcast against the last axis.
"""

from typing import TypeVar

A = TypeVar("A")


def opening(x: A, v: A, force: A, mass: A, corrector_ps: float) -> tuple[A, A]:
    """State after the opening half."""
    v = v + 0.5 * corrector_ps * force / mass  # type: ignore[operator]
    return x + 0.5 * corrector_ps * v, v  # type: ignore[operator]


def before_closing(x: A, v: A, force: A, mass: A, corrector_ps: float) -> tuple[A, A]:
    """The state that the closing half takes to (x, v): what a perfect jump ends in."""
    v = v - 0.5 * corrector_ps * force / mass  # type: ignore[operator]
    return x - 0.5 * corrector_ps * v, v  # type: ignore[operator]
