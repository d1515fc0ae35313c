"""What was prepared of a surface."""

from pathlib import Path

from mdsnake.errors import UserError
from mdsnake.families.trajbert.config import PrepareSettings, System
from mdsnake.inputs import parse_json, read_text
from mdsnake.physics.generator import Exact


def read_exact(prepared: Path, system: System) -> Exact:
    """The exact figures of `system`, if it is the one that was prepared."""
    path, cure = prepared / "surface.json", "prepare the surface again"
    text = read_text(path, "no such file; run `mdsnake prepare` first")
    if parse_json(PrepareSettings, text, str(path), f"delete it and {cure}").system != system:
        raise UserError(f"{path}: system: prepared with other settings; {cure}")
    return Exact.load(prepared / "exact.json")
