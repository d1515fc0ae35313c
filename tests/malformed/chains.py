"""A good input of each kind for proteins: pancreatic trypsin inhibitor, which ships with the tests of MDAnalysis."""

import shutil
from pathlib import Path
from typing import Any

import gemmi

from mdsnake.families.backbone.config import (
    Cluster,
    Download,
    PrepareSettings,
    Protein,
    Residues,
    WindowSettings,
)
from mdsnake.prepare.proteins import locate, prepare_protein


def chain_settings(stage: str) -> dict[str, Any]:
    """The settings of a stage that proteins pass through."""
    told = {
        "prepare": PrepareSettings(
            protein=Protein(name="pti", source="MDAnalysisTests:mmcif/5PTI.cif.gz"),
            residues=Residues(),
            download=Download(),
        ),
        "window": WindowSettings(residues=Residues(), split={}, cluster=Cluster(), seed=0),
    }[stage]
    return told.model_dump(mode="json")


def make_chains(folder: Path) -> dict[str, Path]:
    """Write them into `folder`."""
    settings = PrepareSettings.model_validate(chain_settings("prepare"))
    prepare_protein(settings, folder / "pti")
    structure, pdb = folder / "5pti.cif.gz", folder / "5pti.pdb"
    shutil.copy(locate(settings, None), structure)
    gemmi.read_structure(str(structure)).write_pdb(str(pdb))
    return {"structure": structure, "pdb": pdb, "backbone": folder / "pti/backbone.npz"}
