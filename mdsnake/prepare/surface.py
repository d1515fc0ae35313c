"""`mdsnake prepare` of a surface: what it is, and what is known of it exactly."""

import dataclasses
from pathlib import Path

from mdsnake.families.trajbert.config import PrepareSettings
from mdsnake.physics.generator import exact
from mdsnake.physics.surface import SURFACES
from mdsnake.store.atomic import write_text


def prepare_surface(settings: PrepareSettings, out: Path) -> None:
    """Write surface.json, the settings as told, and exact.json, its `Exact` figures, into `out`.

    With langevin dynamics density, populations and free energies are exact as well; its times are not known and are
    left out, and the committor is that of overdamped dynamics.
    """
    system = settings.system
    found = exact(SURFACES[system.surface], system.kT)
    if system.dynamics == "langevin":
        found = dataclasses.replace(found, t2=None, t3=None, mfpt_ab=None)
    found.save(Path(out) / "exact.json")
    write_text(Path(out) / "surface.json", settings.model_dump_json(indent=1) + "\n")
