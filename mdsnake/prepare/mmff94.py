"""RDKit's MMFF94 as an OpenMM system: the same terms, parameters and constants, in nm and kJ/mol.

Halgren, J. Comput. Chem. 17, 490 (1996); the equations cited are his.  Parameters come from RDKit
(Tosco, Stiefl and Landrum, J. Cheminform. 6, 37 (2014)) in Å, degrees, md/Å and kcal/mol.
"""

from itertools import combinations
from typing import Any

import openmm
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers, rdmolops

from mdsnake.prepare.dropped import Dropped
from mdsnake.prepare.mmff94_valence import VALENCE_TERMS
from mdsnake.units import ANGSTROM, KJ_PER_KCAL

COULOMB = 332.0716 * KJ_PER_KCAL * ANGSTROM  # kJ/mol nm
BUFFER = 0.05 * ANGSTROM  # nm
SCALE_14 = 0.75

#: Buffered 14-7 (eq. 8) and buffered Coulomb (eq. 13), r in nm.
PAIR_ENERGY = f"epsilon*(1.07/(q+0.07))^7*(1.12/(q^7+0.12)-2) + charges/(r+buffer);q=r/r_min;buffer={BUFFER}"


def build_system(mol: Chem.Mol) -> openmm.System:
    """The MMFF94 system of a molecule with hydrogens and a conformer; `Dropped` where an atom has no type."""
    properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol, mmffVariant="MMFF94")
    if properties is None:
        raise Dropped("MMFF94 has no type for one of its atoms; use another force field")
    system = openmm.System()
    for atom in mol.GetAtoms():
        system.addParticle(atom.GetMass())
    for name, term in {**VALENCE_TERMS, "nonbonded": nonbonded}.items():
        force = term(mol, properties)
        if force is not None:
            force.setName(name)
            system.addForce(force)
    return system


def nonbonded(mol: Chem.Mol, properties: Any) -> openmm.Force | None:
    """Van der Waals and electrostatics of pairs three bonds apart or more; listed, for a molecule has few."""
    force = openmm.CustomBondForce(PAIR_ENERGY)
    for name in ("r_min", "epsilon", "charges"):
        force.addPerBondParameter(name)
    charges = [properties.GetMMFFPartialCharge(i) for i in range(mol.GetNumAtoms())]
    distances = rdmolops.GetDistanceMatrix(mol)
    for i, j in combinations(range(mol.GetNumAtoms()), 2):
        if distances[i, j] < 3:
            continue
        *_, r_min, epsilon = properties.GetMMFFVdWParams(i, j)
        scale = SCALE_14 if distances[i, j] == 3 else 1.0
        force.addBond(i, j, [r_min * ANGSTROM, epsilon * KJ_PER_KCAL, scale * COULOMB * charges[i] * charges[j]])
    return force if force.getNumBonds() else None
