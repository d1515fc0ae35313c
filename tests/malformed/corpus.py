"""Every malformed input."""

from collections.abc import Iterator
from pathlib import Path

from tests.malformed.case import Arguments, Kind
from tests.malformed.configs import CONFIGS, SETTINGS, SETTINGS_FILES, TABLE_PATHS
from tests.malformed.evaluations import CURVES, DROPPED, HISTORIES, SUMMARIES
from tests.malformed.good import Good
from tests.malformed.models import INITS, MODELS, OTHER_WINDOWS, WINDOWS, WINDOWS_OF_ANOTHER_JUMP
from tests.malformed.molecules import ROWS, SMILES, TABLES
from tests.malformed.outputs import FILES, FOLDERS, LONG, PREPARED, WORK
from tests.malformed.prepared import FORCE_FIELDS, GRAPHS, SYSTEMS
from tests.malformed.proteins import KINDS_OF_PROTEINS
from tests.malformed.surface import KINDS_OF_WALKERS
from tests.malformed.trajectories import BURSTS, ROLLOUTS

KINDS: dict[str, tuple[Kind, ...]] = {
    "table of molecules": (TABLES,),
    "SMILES": (SMILES, ROWS),
    "configuration": (CONFIGS, TABLE_PATHS),
    "settings": (SETTINGS_FILES, SETTINGS),
    "force field": (FORCE_FIELDS,),
    "molecular graph": (GRAPHS,),
    "OpenMM system": (SYSTEMS,),
    "trajectory": (BURSTS, ROLLOUTS),
    "windows": (WINDOWS, OTHER_WINDOWS, WINDOWS_OF_ANOTHER_JUMP),
    "model": (MODELS, INITS),
    "evaluation": (SUMMARIES, CURVES, HISTORIES, DROPPED),
    **KINDS_OF_WALKERS,
    **KINDS_OF_PROTEINS,
    "output": (FILES, FOLDERS, PREPARED, WORK, LONG),
}


def cases() -> Iterator[tuple[str, Kind, str]]:
    """What kind of input, how it is read, and the name of its fault."""
    for called, kinds in KINDS.items():
        for kind in kinds:
            for name in kind.cases:
                yield called, kind, name


def spoil(kind: Kind, name: str, good: Good, folder: Path) -> tuple[Arguments, str, str]:
    """Make a bad input in `folder`; the command that reads it, what must be named and what else must be said."""
    change, words = kind.cases[name]
    source = getattr(good, kind.good)
    bad = folder / "in" / source.name
    bad.parent.mkdir(parents=True)
    change(source, bad)
    return kind.command(good, bad, folder / "out"), kind.named or str(bad), words
