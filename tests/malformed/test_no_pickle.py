"""Nothing that is read is ever executed."""

import ast
import dataclasses
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

import mdsnake
from tests.malformed.changes import ANY_FILE, MARKER
from tests.malformed.corpus import KINDS
from tests.malformed.good import Good

PACKAGE = Path(mdsnake.__file__).parent
UNPICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
#: Call → what must stand among its keywords for it to be safe.
SAFE_WITH = {
    "torch.load": ("weights_only", True),
    "load_from_checkpoint": ("weights_only", True),
    "trainer.fit": ("weights_only", True),
}
FORBIDDEN = {
    "eval", "exec", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all",
    "pandas.read_pickle", "pd.read_pickle", "torch.jit.load",
}  # fmt: skip


def faults(source: str) -> Iterator[str]:
    """Calls and imports in `source` by which a file could run code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from (f"line {node.lineno}: imports {name}" for name in names if name.split(".")[0] in UNPICKLERS)
        if not isinstance(node, ast.Call):
            continue
        called, where = ast.unparse(node.func), f"line {node.lineno}"
        told = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if called in FORBIDDEN:
            yield f"{where}: {called}"
        for name, (keyword, value) in SAFE_WITH.items():
            if called.endswith(name) and told.get(keyword) != repr(value):
                yield f"{where}: {called} without {keyword}={value}"
        if told.get("allow_pickle", "False") != "False":
            yield f"{where}: {called} with allow_pickle"
        if told.get("shell", "False") != "False":
            yield f"{where}: {called} with a shell"
        if called == "yaml.load" and not told.get("Loader", "").endswith("_Loader"):
            yield f"{where}: yaml.load without the package's loader"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_package_unpickles_nothing(path: Path) -> None:
    assert list(faults(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from joblib import load", "torch.load(p)", "torch.load(p, weights_only=False)",
        "np.load(p, allow_pickle=True)", "yaml.load(t, Loader=yaml.Loader)", "yaml.unsafe_load(t)", "eval(t)",
        "subprocess.run(t, shell=True)", "trainer.fit(m, ckpt_path=p)",
    ],
)  # fmt: skip
def test_what_would_is_noticed(source: str) -> None:
    assert list(faults(source))


def test_every_kind_of_file_is_tried_as_a_pickle() -> None:
    """The corpus checks of every input that nothing of it ran."""
    tried = {
        kind.good for kinds in KINDS.values() for kind in kinds if {"a pickle", "a pickle of torch"} <= set(kind.cases)
    }
    assert tried == {field.name for field in dataclasses.fields(Good)} - {"prepared", "rollout"}


def test_the_pickle_runs_where_it_is_loaded(tmp_path: Path) -> None:
    """Without this, the corpus could not fail."""
    ANY_FILE["a pickle"][0](tmp_path, tmp_path / "bad")
    pickle.loads((tmp_path / "bad").read_bytes())
    assert (tmp_path / MARKER).is_dir()
