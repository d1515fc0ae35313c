"""MMFF94's valence terms as OpenMM forces.

Halgren, J. Comput. Chem. 17, 490 (1996), equations 2 to 7.  Each function takes an RDKit molecule and
its MMFF94 properties and returns a force in nm, rad and kJ/mol, or None where the molecule has no such term.
"""

import math
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import openmm
from rdkit import Chem

from mdsnake.prepare.dropped import Dropped
from mdsnake.units import ANGSTROM, KJ_PER_KCAL

MDYN_ANGSTROM = 143.9325 * KJ_PER_KCAL  # kJ/mol
CUBIC_BEND = math.degrees(-0.006981317)  # 1/rad; the paper rounds it to -0.007 per degree
RADIAN = math.pi / 180
#: Atom types whose property `linh` is set: CSP and =C= (4), =N= (53), isonitrile and diazonium N (61).
LINEAR_TYPES = {4, 53, 61}

# Written in coordinates: OpenMM's distance(), angle() and dihedral() make these terms three to six times slower
# on its Reference platform.  u and v point from the centre p2 to p1 and p3, a and b are their lengths.
SIDES = (
    "cosine=(ux*vx+uy*vy+uz*vz)/(a*b);a=sqrt(ux^2+uy^2+uz^2);b=sqrt(vx^2+vy^2+vz^2);"
    "ux=x1-x2;uy=y1-y2;uz=z1-z2;vx=x3-x2;vy=y3-y2;vz=z3-z2"
)
# w points from p2 to p4 and n is normal to the plane of u and v.
WILSON = (
    "sine=(nx*wx+ny*wy+nz*wz)/sqrt((nx^2+ny^2+nz^2)*(wx^2+wy^2+wz^2));"
    "nx=uy*vz-uz*vy;ny=uz*vx-ux*vz;nz=ux*vy-uy*vx;"
    "ux=x1-x2;uy=y1-y2;uz=z1-z2;vx=x3-x2;vy=y3-y2;vz=z3-z2;wx=x4-x2;wy=y4-y2;wz=z4-z2"
)


def bond_stretch(mol: Chem.Mol, properties: Any) -> openmm.Force | None:
    """Eq. 2, quartic."""
    force = openmm.CustomBondForce("0.5*k*d^2*(1-20*d+700/3*d^2);d=r-r0")
    force.addPerBondParameter("k")
    force.addPerBondParameter("r0")
    for bond in mol.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        k, r0 = _bond(mol, properties, i, j)
        force.addBond(i, j, [k * MDYN_ANGSTROM / ANGSTROM**2, r0])
    return force if force.getNumBonds() else None


def angle_bend(mol: Chem.Mol, properties: Any) -> openmm.Force | None:
    """Eq. 3, cubic."""
    force = openmm.CustomAngleForce(f"0.5*k*d^2*(1+({CUBIC_BEND})*d);d=theta-theta0")
    force.addPerAngleParameter("k")
    force.addPerAngleParameter("theta0")
    for i, j, k, stiffness, theta0 in _angles(mol, properties, linear=False):
        force.addAngle(i, j, k, [stiffness, theta0])
    return force if force.getNumAngles() else None


def linear_bend(mol: Chem.Mol, properties: Any) -> openmm.Force | None:
    """Eq. 4, k (1 + cos θ), from the cosine itself, whose gradient is finite at 180°."""
    force = openmm.CustomCompoundBondForce(3, f"k*(1+cosine);{SIDES}")
    force.addPerBondParameter("k")
    for i, j, k, stiffness, _ in _angles(mol, properties, linear=True):
        force.addBond([i, j, k], [stiffness])
    return force if force.getNumBonds() else None


def stretch_bend(mol: Chem.Mol, properties: Any) -> openmm.Force | None:
    """Eq. 5; linear centres have none."""
    force = openmm.CustomCompoundBondForce(3, f"(k1*(a-r1)+k2*(b-r2))*(acos(cosine)-theta0);{SIDES}")
    for name in ("k1", "r1", "k2", "r2", "theta0"):
        force.addPerBondParameter(name)
    for i, j, k, _, theta0 in _angles(mol, properties, linear=False):
        found = properties.GetMMFFStretchBendParams(mol, i, j, k)
        if found is not None:
            k1, k2 = (value * MDYN_ANGSTROM / ANGSTROM for value in found[1:])
            r1, r2 = _bond(mol, properties, i, j)[1], _bond(mol, properties, j, k)[1]
            force.addBond([i, j, k], [k1, r1, k2, r2, theta0])
    return force if force.getNumBonds() else None


def out_of_plane(mol: Chem.Mol, properties: Any) -> openmm.Force | None:
    """Eq. 6: Wilson's angle χ of the bond j–l to the plane i–j–k, each neighbour in turn being l."""
    force = openmm.CustomCompoundBondForce(4, f"0.5*k*asin(sine)^2;{WILSON}")
    force.addPerBondParameter("k")
    for centre in mol.GetAtoms():
        around = _neighbours(centre)
        if len(around) != 3:
            continue
        j = centre.GetIdx()
        stiffness = properties.GetMMFFOopBendParams(mol, around[0], j, around[1], around[2])
        for out in around if stiffness else []:
            i, k = (atom for atom in around if atom != out)
            force.addBond([i, j, k, out], [stiffness * MDYN_ANGSTROM])
    return force if force.getNumBonds() else None


def torsion(mol: Chem.Mol, properties: Any) -> openmm.Force | None:
    """Eq. 7, written in powers of cos(φ − π), so that one native term holds all three."""
    force = openmm.RBTorsionForce()
    for bond in mol.GetBonds():
        ends = bond.GetBeginAtom(), bond.GetEndAtom()
        if not all(map(_turns, ends)):
            continue
        j, k = (atom.GetIdx() for atom in ends)
        for i in _neighbours(ends[0]):
            for m in _neighbours(ends[1]):
                found = properties.GetMMFFTorsionParams(mol, i, j, k, m) if len({i, j, k, m}) == 4 else None
                if found is not None:
                    v1, v2, v3 = (value * KJ_PER_KCAL for value in found[1:])
                    force.addTorsion(i, j, k, m, (v1 + v3) / 2 + v2, (3 * v3 - v1) / 2, -v2, -2 * v3, 0, 0)
    return force if force.getNumTorsions() else None


VALENCE_TERMS: dict[str, Callable[[Chem.Mol, Any], openmm.Force | None]] = {
    "bond stretch": bond_stretch,
    "angle bend": angle_bend,
    "linear bend": linear_bend,
    "stretch-bend": stretch_bend,
    "out of plane": out_of_plane,
    "torsion": torsion,
}


def _bond(mol: Chem.Mol, properties: Any, i: int, j: int) -> tuple[float, float]:
    """Force constant in md/Å and length in nm."""
    found = properties.GetMMFFBondStretchParams(mol, i, j)
    if found is None:
        raise Dropped(f"MMFF94 has no parameters for the bond of atoms {i} and {j}; use another force field")
    return found[1], found[2] * ANGSTROM


def _angles(mol: Chem.Mol, properties: Any, linear: bool) -> Iterator[tuple[int, int, int, float, float]]:
    """Atoms, force constant in kJ/mol/rad² and rest angle in rad of the angles at linear or at other centres."""
    for centre in mol.GetAtoms():
        j = centre.GetIdx()
        if (properties.GetMMFFAtomType(j) in LINEAR_TYPES) != linear:
            continue
        for i, k in combinations(_neighbours(centre), 2):
            found = properties.GetMMFFAngleBendParams(mol, i, j, k)
            if found is not None:
                yield i, j, k, found[1] * MDYN_ANGSTROM, found[2] * RADIAN


def _neighbours(atom: Chem.Atom) -> list[int]:
    return [neighbour.GetIdx() for neighbour in atom.GetNeighbors()]


def _turns(atom: Chem.Atom) -> bool:
    """Whether RDKit gives bonds of this atom torsions: sp2 or sp3, and no triple bond."""
    bent = atom.GetHybridization() in (Chem.HybridizationType.SP2, Chem.HybridizationType.SP3)
    return bent and all(bond.GetBondType() != Chem.BondType.TRIPLE for bond in atom.GetBonds())
