"""Constants of the internal unit system and the one boundary to ASE's.

Inside: nm, ps, Da, kJ/mol, K, e.  ASE: Å, eV, Da and its own time unit, Å·√(Da/eV) ≈ 10.18 fs.
Values: CODATA 2018.
"""

import numpy as np

BOLTZMANN = 8.31446261815324e-3  # kJ/mol/K
KJ_PER_KCAL = 4.184
EV = 96.48533212331002  # kJ/mol
ANGSTROM = 0.1  # nm
FEMTOSECOND = 1e-3  # ps
ASE_TIME = ANGSTROM / np.sqrt(EV)  # ps; one ASE time unit
SPEED_OF_LIGHT = 0.0299792458  # cm/ps


def from_ase_velocities(velocities: np.ndarray) -> np.ndarray:
    """Å per ASE time unit → nm/ps."""
    return velocities * (ANGSTROM / ASE_TIME)


def to_ase_velocities(velocities: np.ndarray) -> np.ndarray:
    """nm/ps → Å per ASE time unit."""
    return velocities * (ASE_TIME / ANGSTROM)


def from_ase_forces(forces: np.ndarray) -> np.ndarray:
    """eV/Å → kJ/mol/nm."""
    return forces * (EV / ANGSTROM)


def kinetic_energy(velocities: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """Kinetic energy in kJ/mol of velocities (..., N, 3) in nm/ps and masses (N,) in Da."""
    return 0.5 * np.einsum("...ij,...ij,i->...", velocities, velocities, masses)
