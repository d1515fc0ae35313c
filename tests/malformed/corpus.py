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
from tests.malformed.surface import (
    CONFIGS_OF_WALKERS,
    DRAWINGS,
    EXACT,
    EXACT_OF_EVALUATION,
    FIRST_MODELS,
    GENERATED,
    LONG_ROLLOUTS,
    MODELS_THAT_ARE_JUDGED,
    MODELS_THAT_GENERATE,
    NO_DRAWINGS,
    OTHER_FAMILIES,
    REPLICAS,
    RUNS,
    SCORES,
    SCORES_OF_FIGURES,
    SCORES_OF_TABLES,
    STARTS,
    SURFACE,
    SURFACE_OF_EVALUATION,
    TEST_WINDOWS,
    TO_COMPARE,
    TO_EVALUATE,
    TO_PREPARE,
    TO_ROLL_OUT,
    TO_SIMULATE,
    TO_TRAIN,
    TO_WINDOW,
    WALKERS,
    WINDOWS_OF_BASELINES,
    WINDOWS_OF_OTHER_WALKERS,
    WINDOWS_OF_WALKERS,
)
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
    "surface": (SURFACE, SURFACE_OF_EVALUATION, EXACT, EXACT_OF_EVALUATION),
    "walkers": (WALKERS, STARTS, REPLICAS, GENERATED),
    "windows of walkers": (WINDOWS_OF_WALKERS, WINDOWS_OF_OTHER_WALKERS, TEST_WINDOWS, WINDOWS_OF_BASELINES),
    "trajectory model": (MODELS_THAT_GENERATE, MODELS_THAT_ARE_JUDGED, FIRST_MODELS),
    "configuration of walkers": (CONFIGS_OF_WALKERS,),
    "settings of walkers": (
        OTHER_FAMILIES, RUNS, TO_PREPARE, TO_SIMULATE, TO_WINDOW, TO_TRAIN, TO_ROLL_OUT, LONG_ROLLOUTS, TO_EVALUATE,
        TO_COMPARE,
    ),  # fmt: skip
    "evaluation of walkers": (SCORES, SCORES_OF_TABLES, SCORES_OF_FIGURES, DRAWINGS, NO_DRAWINGS),
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
