"""Every malformed input is refused in one clear line, and nothing is written."""

import json
import shutil
from pathlib import Path

import pytest

from tests.malformed.case import Change, Kind, faults, run, tell, watching
from tests.malformed.changes import MARKER, text
from tests.malformed.configs import CONFIGS, SETTINGS, SETTINGS_FILES
from tests.malformed.corpus import cases, spoil
from tests.malformed.evaluations import CURVES, DROPPED, HISTORIES, SUMMARIES
from tests.malformed.good import Good, settings
from tests.malformed.models import MODELS, WINDOWS_OF_ANOTHER_JUMP
from tests.malformed.molecules import SMILES, TABLES
from tests.malformed.prepared import FORCE_FIELDS, GRAPHS, SYSTEMS
from tests.malformed.proteins import BACKBONES, PLAIN_STRUCTURES, PROTEIN_TABLES, STRUCTURES
from tests.malformed.surface import (
    DRAWINGS,
    EXACT,
    EXACT_OF_EVALUATION,
    GENERATED,
    MODELS_THAT_GENERATE,
    OF_SETTINGS,
    REPLICAS,
    SCORES,
    SCORES_OF_FIGURES,
    SCORES_OF_TABLES,
    STARTS,
    SURFACE,
    TEST_WINDOWS,
    WALKERS,
    WINDOWS_OF_BASELINES,
    WINDOWS_OF_WALKERS,
)
from tests.malformed.trajectories import BURSTS, ROLLOUTS
from tests.malformed.walkers import surface_settings

CASES = list(cases())
LABELS = [f"{called}: {name}".replace("/", "|") for called, _, name in CASES]


def test_there_are_many() -> None:
    assert len(CASES) >= 150


@pytest.mark.parametrize(("kind", "name"), [case[1:] for case in CASES], ids=LABELS)
def test_refused_in_one_line(kind: Kind, name: str, good: Good, tmp_path: Path) -> None:
    arguments, named, words = spoil(kind, name, good, tmp_path)
    with watching(tmp_path) as new:
        outcome = tell(arguments)
    assert faults(outcome, named, words, new) == [], outcome.stderr
    assert not list(tmp_path.rglob(MARKER))


@pytest.mark.parametrize(("kind", "name"), [case[1:] for case in CASES[::60]], ids=LABELS[::60])
def test_refused_by_a_process_of_its_own(kind: Kind, name: str, good: Good, tmp_path: Path) -> None:
    arguments, named, words = spoil(kind, name, good, tmp_path)
    with watching(tmp_path) as new:
        outcome = run(arguments)
    assert faults(outcome, named, words, new) == [], outcome.stderr


def copied(good: Path, bad: Path) -> None:
    shutil.copy(good, bad)


ACCEPTED: list[tuple[Kind, Change]] = [
    (kind, copied) for kind in (CONFIGS, FORCE_FIELDS, GRAPHS, SYSTEMS, BURSTS, ROLLOUTS, MODELS)
] + [
    *[(kind, copied) for kind in (WINDOWS_OF_ANOTHER_JUMP, TABLES, SUMMARIES, CURVES, HISTORIES, DROPPED)],
    (SMILES, text('{"name": "ethane", "smiles": "CC"}')),
    (SETTINGS_FILES, text(json.dumps(settings("simulate")))),
    (SETTINGS, text(json.dumps(settings("simulate")))),
    *[(kind, copied) for kind in (SURFACE, EXACT, EXACT_OF_EVALUATION, WALKERS, STARTS, REPLICAS, GENERATED)],
    *[(kind, copied) for kind in (WINDOWS_OF_WALKERS, TEST_WINDOWS, WINDOWS_OF_BASELINES, MODELS_THAT_GENERATE)],
    *[(kind, copied) for kind in (SCORES, SCORES_OF_TABLES, SCORES_OF_FIGURES, DRAWINGS)],
    *[(kind, copied) for kind in (PROTEIN_TABLES, STRUCTURES, PLAIN_STRUCTURES, BACKBONES)],
    *[(kind, text(json.dumps(surface_settings(stage)))) for stage, kind in OF_SETTINGS.items()],
]  # fmt: skip


@pytest.mark.parametrize(("kind", "change"), ACCEPTED, ids=[kind.good for kind, _ in ACCEPTED])
def test_a_good_input_is_accepted(
    kind: Kind, change: Change, good: Good, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a command that always fails would pass the tests above."""
    monkeypatch.chdir(good.config.parent)
    arguments, *_ = spoil(kind._replace(cases={"none": (change, "")}), "none", good, tmp_path)
    outcome = tell(arguments)
    assert outcome.status == 0, outcome.stderr
