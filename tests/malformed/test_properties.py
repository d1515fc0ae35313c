"""Whatever stands in a file, reading it ends in a good value or in one line, and soon."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mdsnake.config import SimulateSettings, read_settings, read_table
from mdsnake.errors import UserError
from mdsnake.evaluate.cost import read_history
from mdsnake.evaluate.curves import read_curves
from mdsnake.evaluate.records import read_records
from mdsnake.evaluate.surface.drawings import read_drawing
from mdsnake.families.kstep.task import load_model
from mdsnake.inputs import read_yaml
from mdsnake.physics.generator import Exact
from mdsnake.prepare.conformer import read_smiles
from mdsnake.project import load_project, read_project
from mdsnake.store.checkpoint import read_model
from mdsnake.store.graph import MoleculeGraph
from mdsnake.store.h5md import DIGEST_BLOCK, Trajectory
from mdsnake.store.windows import Windows
from tests.families.kstep.toys import JUMP
from tests.malformed.good import Good
from tests.malformed.good import settings as told

MODEST = settings(
    max_examples=60, deadline=5000, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
READERS: dict[str, Callable[[Path], Any]] = {
    "table": read_table,
    "settings": lambda path: read_settings(SimulateSettings, str(path)),
    "config": read_project,
    "graph": MoleculeGraph.load,
    "windows": Windows.load,
    "summary": read_records,
    "curves": read_curves,
    "history": read_history,
    "bursts": Trajectory.load,
    "model": read_model,
    "exact": Exact.load,
    "drawing": read_drawing,
}
#: What a person might type; also what YAML, JSON and tables give a meaning to.
LETTERS = st.text(st.sampled_from("\t\n\r \"'#*&!<>|-:,.[]{}%@`\\/\0\x1b\u2028\u202eaeZß汉🙂019+~"), max_size=80)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def outcome(read: Callable[[Any], Any], source: Any) -> Any:
    """What is read, or None where it is refused in one line."""
    try:
        return read(source)
    except UserError:
        return None


def written(content: bytes) -> Path:
    """A file of this content, in a folder of the test's that later examples write to as well."""
    path = Path(tempfile.gettempdir()) / "mdsnake-malformed-input"
    path.write_bytes(content)
    return path


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("kind", READERS)
@MODEST
@given(content=st.binary(max_size=300) | LETTERS.map(str.encode) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_anything_as_a_file(kind: str, content: bytes) -> None:
    outcome(READERS[kind], written(content))


@pytest.mark.parametrize(
    "kind", ["graph", "windows", "curves", "config", "table", "summary", "history", "exact", "drawing"]
)
@MODEST
@given(places=st.lists(st.floats(0, 0.999), max_size=4), byte=st.integers(0, 255), kept=st.floats(0.5, 1))
def test_a_damaged_text(kind: str, good: Good, places: list[float], byte: int, kept: float) -> None:
    content = bytearray(getattr(good, kind).read_bytes())
    for place in places:
        content[int(place * len(content))] = byte
    outcome(READERS[kind], written(content[: int(kept * len(content))]))


@MODEST
@given(places=st.lists(st.floats(0, 0.9999), min_size=1, max_size=4), flip=st.integers(1, 255))
def test_a_damaged_trajectory_is_refused(good: Good, places: list[float], flip: int) -> None:
    content = bytearray(good.bursts.read_bytes())
    for place in {DIGEST_BLOCK + int(place * (len(content) - DIGEST_BLOCK)) for place in places}:
        content[place] ^= flip
    assert outcome(Trajectory.load, written(content)) is None


@MODEST
@given(kept=st.floats(0, 0.9999))
def test_a_truncated_trajectory_or_model_is_refused(good: Good, kept: float) -> None:
    for kind in ("bursts", "model"):
        content = getattr(good, kind).read_bytes()
        assert outcome(READERS[kind], written(content[: int(kept * len(content))])) is None


@MODEST
@given(place=st.floats(0, 0.9999), flip=st.integers(1, 255))
def test_a_damaged_model_is_refused_or_the_same(good: Good, place: float, flip: int) -> None:
    content = bytearray(good.model.read_bytes())
    content[int(place * len(content))] ^= flip
    model, same = outcome(lambda path: load_model(path, JUMP), written(content)), load_model(good.model, JUMP)
    if model is not None:
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True))


@MODEST
@given(place=st.integers(0, DIGEST_BLOCK - 1), flip=st.integers(1, 255))
def test_a_trajectory_with_a_damaged_digest_is_refused_or_the_same(good: Good, place: int, flip: int) -> None:
    content = bytearray(good.bursts.read_bytes())
    content[place] ^= flip
    found, same = outcome(Trajectory.load, written(content)), Trajectory.load(good.bursts)
    if found is not None:
        np.testing.assert_array_equal(found.positions, same.positions)


@MODEST
@given(key=st.sampled_from(["seed", "name", "engine", "more"]), value=VALUES)
@example(key="seed", value=float("nan"))
@example(key="engine", value={"timestep_fs": float("inf")})
def test_any_value_of_a_setting(key: str, value: Any) -> None:
    read = outcome(lambda text: read_settings(SimulateSettings, text), json.dumps(told("simulate") | {key: value}))
    if read is not None:
        assert 0 <= read.seed < 2**32
        assert np.isfinite(read.engine.timestep_fs)


@MODEST
@given(data=st.data())
def test_any_value_anywhere_in_a_configuration(good: Good, data: st.DataObject) -> None:
    content = read_yaml(good.config)
    part = content
    while True:
        key = data.draw(st.sampled_from(sorted(part)))
        if not isinstance(part[key], dict) or data.draw(st.integers(0, 3)) == 0:
            break
        part = part[key]
    part[key] = data.draw(VALUES)
    outcome(load_project, content)


@MODEST
@given(smiles=st.text(st.sampled_from("CNOcno[]()=#$:/\\@+-123%.HFlBr*~>&{}| "), min_size=1, max_size=40))
def test_any_smiles(smiles: str) -> None:
    mol = outcome(read_smiles, smiles)
    if mol is not None:
        assert mol.GetNumAtoms() > 1


@MODEST
@given(name=LETTERS | st.text(max_size=20))
def test_a_name_that_is_accepted_is_one_plain_folder(name: str) -> None:
    rows = outcome(read_table, written(f"name\tsmiles\n{name}\tCC\n".encode("utf-8", "surrogatepass")))
    for row in rows or []:
        assert row.name.isascii()
        assert row.name.replace("-", "").replace("_", "").isalnum()
        assert not row.name.startswith(("-", "_"))
        assert len(row.name) <= 100
