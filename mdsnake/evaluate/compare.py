"""All metrics of one trajectory against a reference: the roll-out's values, or, with a replica, their floors."""

import dataclasses
from functools import cached_property

import numpy as np
from ase.data import chemical_symbols

from mdsnake.evaluate import distributions, dynamics, energetics, geometry, kinetics, thermal, vdos
from mdsnake.evaluate.autocorrelation import effective_samples, standard_error
from mdsnake.evaluate.metrics import Mean
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import Trajectory

LONG_LAG = 10


@dataclasses.dataclass
class Sample:
    """A trajectory of F frames and its internal coordinates: nm and radians."""

    trajectory: Trajectory
    graph: MoleculeGraph

    @cached_property
    def bonds(self) -> np.ndarray:
        """(F, B)"""
        return geometry.lengths(self._positions, np.array(self.graph.bonds, dtype=int).reshape(-1, 2))

    @cached_property
    def angles(self) -> np.ndarray:
        """(F, A)"""
        return geometry.angles(self._positions, self.graph.angles)

    @cached_property
    def torsions(self) -> np.ndarray:
        """(F, T)"""
        return geometry.dihedrals(self._positions, self.graph.torsions)

    @cached_property
    def pairs(self) -> np.ndarray:
        """Distances of all pairs of atoms, (F, P)."""
        return geometry.lengths(self._positions, np.argwhere(~np.tri(self.graph.n_atoms, dtype=bool)))

    @cached_property
    def vdos(self) -> tuple[np.ndarray, np.ndarray]:
        """Wavenumbers in cm⁻¹ and density."""
        return vdos.vdos(self.trajectory)

    @property
    def potential(self) -> np.ndarray:
        """(F, 1) kJ/mol"""
        return self.trajectory.potential[:, None]

    @property
    def _positions(self) -> np.ndarray:
        return self.trajectory.positions.astype(float)


def compare(model: Sample, reference: Sample, temperature: float) -> dict[str, Mean]:
    """Metric → (value, n) of everything but drift and cost; `temperature` in K."""
    return {
        **equilibrium(model, reference),
        **thermodynamics(model, reference, temperature),
        **motion(model, reference),
        **rates(model, reference),
    }


def equilibrium(model: Sample, reference: Sample) -> dict[str, Mean]:
    """Differences between distributions of structure and energy."""
    runs = (model.trajectory, reference.trajectory)
    shift = model.potential.mean() - reference.potential.mean()
    error = np.linalg.norm([standard_error(run.potential, run.segments()) for run in runs])
    samples = min(effective_samples(run.potential, run.segments()) for run in runs)
    return {
        "bond_js": distributions.bond_js(model.bonds, reference.bonds),
        "angle_js": distributions.mean_js(model.angles, reference.angles),
        "torsion_js": distributions.torsion_js(model.torsions, reference.torsions),
        "potential_js": (distributions.mean_js(model.potential, reference.potential)[0], model.trajectory.n_frames),
        "pair_distance_l1": distributions.pair_distance_l1(model.pairs, reference.pairs),
        "bond_rmse": distributions.bond_rmse(model.bonds, reference.bonds),
        "potential_shift": (float(shift), model.trajectory.n_frames),
        "potential_shift_error": (float(error), int(samples)),
    }


def thermodynamics(model: Sample, reference: Sample, temperature: float) -> dict[str, Mean]:
    """Kinetic energy and the temperature of each element."""
    held = reference.bonds.std(axis=0) < distributions.RIGID_NM
    constraints = np.array(reference.graph.bonds, dtype=int).reshape(-1, 2)[held]
    value, frames = thermal.ke_ratio(model.trajectory, temperature)
    of_elements = thermal.element_temperatures(model.trajectory, constraints)
    return {
        "ke_ratio": (value, frames),
        "ke_ratio_error": thermal.ke_ratio_error(model.trajectory, temperature),
        "ke_ratio_reference": (value / thermal.ke_ratio(reference.trajectory, temperature)[0], frames),
        **{f"temperature_{chemical_symbols[number]}": mean for number, mean in of_elements.items()},
    }


def motion(model: Sample, reference: Sample) -> dict[str, Mean]:
    """How far the molecule moves within one stride and within ten."""
    found: dict[str, Mean] = {}
    for lag, suffix in ((1, ""), (LONG_LAG, f"_{LONG_LAG}")):
        rmsd, pairs = dynamics.lag_rmsd(model.trajectory, lag)
        step, _ = dynamics.torsion_step(model.trajectory, model.torsions, lag)
        if lag == 1:
            found["lag_rmsd"] = 1e3 * rmsd, pairs
        found[f"lag_rmsd_ratio{suffix}"] = ratio(rmsd, dynamics.lag_rmsd(reference.trajectory, lag)[0]), pairs
        reference_step, _ = dynamics.torsion_step(reference.trajectory, reference.torsions, lag)
        found[f"torsion_step_ratio{suffix}"] = ratio(step, reference_step), pairs
    return found


def rates(model: Sample, reference: Sample) -> dict[str, Mean]:
    """Torsion flips, the memory of torsions and the places of vibrations, which need frames evenly spaced in time."""
    rate, flips = kinetics.flip_rate(model.trajectory, model.torsions)
    time, torsions = kinetics.torsion_time(model.trajectory, model.torsions)
    reference_rate, _ = kinetics.flip_rate(reference.trajectory, reference.torsions)
    reference_time, _ = kinetics.torsion_time(reference.trajectory, reference.torsions)
    even = model.trajectory.jumps is None
    shifts = vdos.peak_shifts(model.vdos, reference.vdos) if even else np.full(vdos.PEAKS, np.nan)
    segments = len(np.unique(model.trajectory.segment))
    return {
        "flip_rate": (rate, flips),
        "flip_rate_ratio": (ratio(rate, reference_rate), flips),
        "torsion_time": (time, torsions),
        "torsion_time_ratio": (ratio(time, reference_time), torsions),
        **{f"vdos_shift_{rank}": (float(shift), segments) for rank, shift in enumerate(shifts, start=1)},
    }


def drift(nve: Trajectory) -> dict[str, Mean]:
    """Drift of the total energy of a run without thermostat."""
    slope, error, segments = energetics.drift(nve)
    return {
        "nve_drift": (slope, segments),
        "nve_drift_error": (error, segments),
        "nve_drift_per_atom": (energetics.mev_per_atom(slope, len(nve.masses)), segments),
    }


def ratio(value: float, of: float) -> float:
    """`value / of`, NaN where there is nothing to compare with."""
    return value / of if of > 0 else np.nan
