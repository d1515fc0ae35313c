"""OpenFF's SMIRNOFF force fields through openff-toolkit, which comes from conda-forge."""

import openmm
from rdkit import Chem

from mdsnake.errors import UserError
from mdsnake.prepare.dropped import Dropped


def build_system(mol: Chem.Mol, version: str) -> openmm.System:
    """The system of Sage `version` without constraints.

    2.3.0 charges by NAGL (openff-gnn-am1bcc-1.0.0), 2.2.1 by AM1-BCC; the force field file asks for either.
    Raises `UserError` where the toolkit is not installed, `Dropped` where the molecule has no parameters.
    """
    try:
        from openff.toolkit import ForceField, Molecule

        forcefield = ForceField(f"openff_unconstrained-{version}.offxml")
    except (ImportError, OSError) as error:
        raise UserError(
            f"forcefield: openff-{version} is not installed here; use the conda environment of envs/openff.yaml"
        ) from error
    try:
        molecule = Molecule.from_rdkit(mol, allow_undefined_stereo=True)
        return forcefield.create_openmm_system(molecule.to_topology())
    except Exception as error:  # the toolkit's exceptions have no common base
        if "No registered toolkits" in str(error):
            raise UserError(
                f"forcefield: openff-{version} finds no program for its charges (AmberTools or NAGL); use the conda "
                "environment of envs/openff.yaml"
            ) from error
        raise Dropped(f"openff-{version}: {type(error).__name__}: {error}") from error
