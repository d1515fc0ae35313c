"""Force fields by name."""

from collections.abc import Callable
from functools import partial

import numpy as np
import openmm
from rdkit import Chem

from mdsnake.errors import UserError
from mdsnake.prepare import mmff94, openff, userxml
from mdsnake.prepare.dropped import Dropped
from mdsnake.prepare.graph import positions

FORCEFIELDS: dict[str, Callable[[Chem.Mol], openmm.System]] = {
    "mmff94": mmff94.build_system,
    "openff-2.3.0": partial(openff.build_system, version="2.3.0"),
    "openff-2.2.1": partial(openff.build_system, version="2.2.1"),
}


def build_system(forcefield: str, mol: Chem.Mol) -> openmm.System:
    """The system of `mol`: no constraints, no centre-of-mass removal, not periodic, finite at its conformer.

    `forcefield` is a key of `FORCEFIELDS` or the path of an OpenMM XML; anything else is a `UserError`.
    """
    if forcefield.endswith(".xml"):
        system = userxml.build_system(mol, forcefield)
    elif forcefield in FORCEFIELDS:
        system = FORCEFIELDS[forcefield](mol)
    else:
        raise UserError(f"forcefield: no {forcefield!r}; choose {', '.join(FORCEFIELDS)} or the path of an OpenMM XML")
    for index in reversed(range(system.getNumForces())):
        if isinstance(system.getForce(index), openmm.CMMotionRemover):
            system.removeForce(index)
    if system.getNumConstraints():
        raise Dropped(f"forcefield: {forcefield}: the system has constraints, which the engine adds; make it without")
    if system.usesPeriodicBoundaryConditions():
        raise Dropped(f"forcefield: {forcefield}: the system is periodic; make it with NoCutoff")
    energy, forces = energy_forces(system, positions(mol))
    if not np.isfinite(energy) or not np.isfinite(forces).all():
        raise Dropped(f"forcefield: {forcefield}: energy or forces are not finite at the minimised conformer")
    return system


def energy_forces(system: openmm.System, x: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy in kJ/mol and forces (N, 3) in kJ/mol/nm at `x` (N, 3) in nm, in double precision."""
    platform = openmm.Platform.getPlatform("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(x)
    state = context.getState(energy=True, forces=True)
    unit = openmm.unit.kilojoule_per_mole
    return (
        state.getPotentialEnergy().value_in_unit(unit),
        state.getForces(asNumpy=True).value_in_unit(unit / openmm.unit.nanometer),
    )
