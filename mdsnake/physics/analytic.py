"""A potential that is known in closed form, for tests and teaching."""

import time
from typing import Any

import numpy as np

from mdsnake.physics.potential import Calls, Unconstrained


class HarmonicPotential(Unconstrained):
    """U(x) = k/2 Σᵢ |xᵢ − x⁰ᵢ|²: every coordinate is an independent oscillator of frequency √(k/m).

    The well does not move with the molecule, so momentum is not conserved and no freedom is taken off.

    Parameters
    ----------
    masses : (N,) Da
    stiffness : k, kJ/mol/nm²
    centres : x⁰, (N, 3) nm; the origin by default
    """

    def __init__(self, masses: np.ndarray, stiffness: float, centres: np.ndarray | None = None) -> None:
        self.name = "harmonic"
        self.masses = np.asarray(masses, dtype=float)
        self.numbers = np.ones(len(self.masses), dtype=int)
        self.stiffness = stiffness
        self.centres = np.zeros((len(self.masses), 3)) if centres is None else centres
        self.calls = Calls()
        self.about: dict[str, Any] = {"analytic": "harmonic", "stiffness": stiffness}

    @property
    def degrees_of_freedom(self) -> int:
        return 3 * len(self.masses)

    def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        start = time.perf_counter()
        away = x - self.centres
        energy, forces = 0.5 * self.stiffness * float((away**2).sum()), -self.stiffness * away
        self.calls.force_ms += 1e3 * (time.perf_counter() - start)
        self.calls.force_calls += 1
        return energy, forces
