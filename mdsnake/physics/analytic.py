"""Potentials that are known in closed form, for tests and teaching."""

from typing import Any

import numpy as np

from mdsnake.physics.potential import Calls, Unconstrained
from mdsnake.physics.surface import MuellerBrown2D


class External(Unconstrained):
    """Atoms in an external field: momentum is not conserved, so no freedom is taken off."""

    def __init__(self, name: str, masses: np.ndarray) -> None:
        self.name = name
        self.masses = np.asarray(masses, dtype=float)
        self.numbers = np.ones(len(self.masses), dtype=int)
        self.calls = Calls()
        self.about: dict[str, Any] = {"analytic": name}

    @property
    def degrees_of_freedom(self) -> int:
        return 3 * len(self.masses)


class HarmonicPotential(External):
    """U(x) = k/2 Σᵢ |xᵢ − x⁰ᵢ|²: every coordinate is an independent oscillator of frequency √(k/m).

    Parameters
    ----------
    masses : (N,) Da
    stiffness : k, kJ/mol/nm²
    centres : x⁰, (N, 3) nm; the origin by default
    """

    def __init__(self, masses: np.ndarray, stiffness: float, centres: np.ndarray | None = None) -> None:
        super().__init__("harmonic", masses)
        self.stiffness = stiffness
        self.centres = np.zeros((len(self.masses), 3)) if centres is None else centres

    def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        with self.calls.timed():
            away = x - self.centres
            return 0.5 * self.stiffness * float((away**2).sum()), -self.stiffness * away


class DoubleWell(External):
    """U(x) = Σᵢ h ((x/a)² − 1)² + k/2 (y² + z²): each atom in a double well along x, about a centre of its own.

    Parameters
    ----------
    barrier : h, kJ/mol
    half_width : a, nm
    stiffness : k, kJ/mol/nm²
    centres : (N, 3) nm
    """

    def __init__(
        self, masses: np.ndarray, barrier: float, half_width: float, stiffness: float, centres: np.ndarray
    ) -> None:
        super().__init__("double well", masses)
        self.barrier, self.half_width, self.stiffness, self.centres = barrier, half_width, stiffness, centres

    def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        with self.calls.timed():
            away = x - self.centres
            reduced, forces = away[:, 0] / self.half_width, -self.stiffness * away
            well = reduced**2 - 1
            forces[:, 0] = -4 * self.barrier * well * reduced / self.half_width
            return float(self.barrier * (well**2).sum() + 0.5 * self.stiffness * (away[:, 1:] ** 2).sum()), forces


class MuellerBrown(External):
    """The surface of `MuellerBrown2D` for each atom in its x and y.

    Parameters
    ----------
    scale : kJ/mol for a unit of the original's energy
    length_nm : nm for a unit of its length
    stiffness : of the harmonic well along z, kJ/mol/nm²
    """

    def __init__(self, masses: np.ndarray, scale: float, length_nm: float, stiffness: float) -> None:
        super().__init__("Müller–Brown", masses)
        self.scale, self.length, self.stiffness = scale, length_nm, stiffness
        self.surface = MuellerBrown2D()

    def energy_forces(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        with self.calls.timed():
            energy, forces = self.surface.energy_force(x[:, :2] / self.length)
            well = 0.5 * self.stiffness * (x[:, 2] ** 2).sum()
            forces = np.column_stack([self.scale / self.length * forces, -self.stiffness * x[:, 2]])
            return float(self.scale * energy.sum() + well), forces
