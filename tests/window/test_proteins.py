import json
from pathlib import Path
from typing import Any

import pytest

from mdsnake.config import SplitFractions
from mdsnake.errors import UserError
from mdsnake.families.backbone.config import About, Cluster, Residues, WindowSettings
from mdsnake.store.windows import Windows
from mdsnake.window.proteins import window_proteins
from tests.window.chains import chain, dropped, written

CHAINS = [
    chain("a", "helix", 60),
    dropped("b", "chain break: 3 and 5 are 9.0 Å apart, C to N"),
    chain("c", "strand", 45),
    chain("d", "helix", 50),
    dropped("e", "chain break: 8 and 9 are 4.0 Å apart, C to N"),
    dropped("f", "too short: 3 residues, fewer than 40"),
    chain("g", "wide", 55),
]


def settings(**changes: Any) -> WindowSettings:
    told: dict[str, Any] = {
        "residues": Residues(min=40, max=50),
        "split": SplitFractions(train=0.5, validation=0.25, test=0.25),
        "splits": {"a": "train", "c": "validation", "g": "test"},
        "cluster": Cluster(),
        "seed": 0,
    }
    return WindowSettings.model_validate(told | changes)


def windowed(folder: Path, told: WindowSettings) -> tuple[Windows, dict[str, Any]]:
    window_proteins(told, written(folder, *CHAINS), folder / "windows.json", folder / "card.json")
    return Windows.load(folder / "windows.json"), json.loads((folder / "card.json").read_text())


def test_long_chains_are_cropped_and_the_alike_share_a_split(tmp_path: Path) -> None:
    windows, _ = windowed(tmp_path, settings())
    assert About.model_validate(windows.about).residues == Residues(min=40, max=50)
    assert [(group.system, group.split) for group in windows.groups] == [
        ("a", "train"), ("c", "validation"), ("d", "train"), ("g", "test")
    ]  # fmt: skip
    assert [group.starts for group in windows.groups] == [list(range(11)), [0], [0], [2]]
    for group in windows.groups:
        assert group.prepared == str(tmp_path / group.system)
        assert group.trajectory == str(tmp_path / group.system / "backbone.npz")


def test_the_card_counts_what_was_used_and_what_was_dropped(tmp_path: Path) -> None:
    _, card = windowed(tmp_path, settings())
    rows = card.pop("proteins")
    assert card == {
        "used": 4,
        "dropped": {"chain break": 2, "too short": 1},
        "lengths": {"shortest": 45, "median": 55, "longest": 60},
        "cropped": 2,
        "clusters": {"by": "structure", "threshold": 0.5, "count": 3, "largest": 2},
        "splits": {
            "train": {"proteins": 2, "clusters": 1},
            "validation": {"proteins": 1, "clusters": 1},
            "test": {"proteins": 1, "clusters": 1},
        },
    }
    assert [row["protein"] for row in rows] == list("abcdefg")
    assert rows[3] == {
        "protein": "d", "source": "d.pdb", "chain": "A", "residues": 50, "split": "train", "cluster": 0, "dropped": None
    }  # fmt: skip
    assert rows[1]["dropped"] == CHAINS[1].dropped
    assert rows[1]["split"] is rows[1]["cluster"] is None


def test_the_first_that_can_be_used_are_memorised(tmp_path: Path) -> None:
    windows, card = windowed(tmp_path, settings(memorise=2))
    assert [(group.system, group.split, group.starts) for group in windows.groups] == [
        ("a", "train", [0]), ("c", "train", [0])
    ]  # fmt: skip
    assert card["used"] == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"memorise": 5}, "windows.json: 4 proteins can be used, 5 are to be memorised; add some"),
        ({"splits": dict.fromkeys("acdg", "test")}, "windows.json: no protein is in the train split; raise split"),
        ({"splits": {"a": "train", "d": "test"}}, "a and d: they are in one cluster"),
    ],
)
def test_what_cannot_be_is_one_clear_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as error:
        windowed(tmp_path, settings(**changes))
    assert words in str(error.value)
    assert not (tmp_path / "windows.json").exists()
    assert not (tmp_path / "card.json").exists()


def test_where_no_protein_can_be_used_the_first_tells_why(tmp_path: Path) -> None:
    folders = written(tmp_path, *CHAINS[4:6])
    with pytest.raises(UserError, match="no protein can be used; e: chain break: 8 and 9"):
        window_proteins(settings(), folders, tmp_path / "windows.json", tmp_path / "card.json")
