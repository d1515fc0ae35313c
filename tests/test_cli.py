import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mdsnake import cli
from mdsnake.config import Engine, SimulateSettings, Training
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import Augmentation, Jump, LossWeights, Rollout, RolloutSettings, TrainSettings
from tests.families.kstep.case import save
from tests.families.kstep.toys import network, toy_model


def failure(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> str:
    """What a command that fails says last."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # pytest's, back afterwards
    monkeypatch.setattr(sys, "argv", ["mdsnake", *map(str, arguments)])
    with pytest.raises(SystemExit) as leaving:
        cli.main()
    assert isinstance(leaving.value.code, str)  # the interpreter prints it and exits with 1
    return leaving.value.code


def simulate_arguments(prepared: Path, engine: Engine, folder: Path) -> list[str]:
    told = SimulateSettings(name="c2h6", engine=engine.plain, bursts=engine.bursts, seed=0).model_dump_json()
    files = ["--out", str(folder / "out.h5"), "--work", str(folder / "work")]
    return ["simulate", str(prepared), "--settings", told, *files]


def rollout_arguments(prepared: Path, engine: Engine, bursts: Path, jump: Jump, folder: Path) -> list[str]:
    told = RolloutSettings(member="egnn", jump=jump, rollout=Rollout(walkers=2, time_ps=0.1, nve_ps=0.1), seed=0)
    files = {"start": bursts, "out": folder / "a.h5", "nve": folder / "b.h5", "work": folder / "work"}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    engines = ["--engine", engine.plain.model_dump_json()]
    return ["rollout", str(prepared), "--settings", told.model_dump_json(), *engines, *options]


def train_settings() -> dict[str, Any]:
    return TrainSettings(
        member="egnn", network=network(), loss=LossWeights(), augmentation=Augmentation(), training=Training(), seed=0
    ).model_dump(mode="json")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ('{"seed": 1,', "error: --settings: not valid JSON: "),
        (
            '{"name": "a", "engin": {}, "seed": 0}',
            "error: --settings: engin: unknown key; remove it or mend its spelling",
        ),
        ('{"name": "a", "seed": 0}', "error: --settings: engine: Field required"),
        ("absent.yaml", "error: absent.yaml: no such settings file"),
        ("bad.yaml", "error: bad.yaml: not valid YAML: "),
        ("list.yaml", "error: list.yaml: configuration: "),
        ("[1, 2]", "error: [1, 2]: no such settings file"),
    ],
)
def test_wrong_settings_are_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("a: [1\nb: 2")
    Path("list.yaml").write_text("- 1\n")
    told = failure(
        monkeypatch, "simulate", "prepared", "--settings", settings, "--out", "out.h5", "--work", "w", "--run", "bursts"
    )
    assert told.startswith(message)
    assert "\n" not in told


def test_settings_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, windows: Path) -> None:
    (tmp_path / "train.yaml").write_text(json.dumps(train_settings() | {"seeds": 1}))
    told = failure(
        monkeypatch, "train", windows, "--settings", tmp_path / "train.yaml", "--out", tmp_path / "model.safetensors",
        "--history", tmp_path / "history.csv", "--work", tmp_path / "work",
    )  # fmt: skip
    assert told == f"error: {tmp_path}/train.yaml: seeds: unknown key; remove it or mend its spelling"


def test_a_missing_file_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mm_engine: Engine) -> None:
    told = failure(monkeypatch, *simulate_arguments(tmp_path / "absent", mm_engine, tmp_path), "--run", "bursts")
    assert told == f"error: {tmp_path}/absent/graph.json: no such file; run `mdsnake prepare` first"
    settings = json.dumps(train_settings())
    files = ["--out", tmp_path / "m", "--history", tmp_path / "h", "--work", tmp_path / "w"]
    told = failure(monkeypatch, "train", tmp_path / "k4.json", "--settings", settings, *files)
    assert told == f"error: {tmp_path}/k4.json: no such window index; run `mdsnake window` first"


def test_an_unknown_run_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ethane: Path, mm_engine: Engine
) -> None:
    arguments = simulate_arguments(ethane, mm_engine, tmp_path)
    for run in ("replica", "replica-1", "train"):
        told = failure(monkeypatch, *arguments, "--run", run)
        assert told == f"error: simulate: --run: no {run!r}; give replica0, replica1 and so on, or bursts"


def test_a_truncated_trajectory_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ethane: Path,
    ethane_bursts: Path,
    flexible_engine: Engine,
    jump: Jump,
) -> None:
    cut = tmp_path / "cut.h5"
    cut.write_bytes(ethane_bursts.read_bytes()[:5000])
    told = failure(monkeypatch, *rollout_arguments(ethane, flexible_engine, cut, jump, tmp_path))
    assert told == f"error: {cut}: truncated or not an mdsnake trajectory; delete it and run again"


def test_a_checkpoint_of_another_k_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ethane: Path,
    ethane_bursts: Path,
    flexible_engine: Engine,
    jump: Jump,
) -> None:
    model = tmp_path / "model.safetensors"
    save(model, toy_model())
    arguments = rollout_arguments(ethane, flexible_engine, ethane_bursts, jump.model_copy(update={"k": 8}), tmp_path)
    told = failure(monkeypatch, *arguments, "--model", model)
    assert told == f"error: {model}: trained for k 4, asked for 8; train one for it"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors"]


def test_an_error_is_all_that_a_process_prints(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mdsnake", "prepare", "--settings", "{", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: --settings: not valid JSON: ")
    assert done.stderr.count("\n") == 1


SIGNALS = pytest.mark.parametrize(
    ("number", "status", "line"),
    [
        (signal.SIGINT, 130, ""),
        (signal.SIGTERM, 143, "error: stopped from outside (SIGTERM); run it again to go on"),
    ],
)


@SIGNALS
def test_a_signal_ends_a_run_without_a_trace_and_without_a_half_file(
    tmp_path: Path, ethane: Path, mm_engine: Engine, number: int, status: int, line: str
) -> None:
    engine = mm_engine.model_copy(update={"production_ps": 1e5})
    command = [sys.executable, "-m", "mdsnake", *simulate_arguments(ethane, engine, tmp_path), "--run", "replica0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "equilibrated" in process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    assert errors.strip() == line
    assert not (tmp_path / "out.h5").exists()
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


@SIGNALS
def test_a_signal_that_python_drops_ends_a_run_too(number: int, status: int, line: str) -> None:
    code = """
import signal, sys, time
from mdsnake import cli

class Dropped:
    def __del__(self):
        signal.raise_signal(int(sys.argv[1]))

def work(*_, **__):
    Dropped()
    time.sleep(60)

cli.app = work
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code, str(int(number))], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stderr.strip() == line


def test_the_time_budget_may_come_from_the_environment(tmp_path: Path, ethane: Path, mm_engine: Engine) -> None:
    engine = mm_engine.model_copy(update={"production_ps": 1e4})
    command = [sys.executable, "-m", "mdsnake", *simulate_arguments(ethane, engine, tmp_path), "--run", "replica0"]
    environment = os.environ | {"MDSNAKE_TIME_BUDGET": "0.02"}
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    spent = os.times()
    assert done.returncode == 75
    # Of a processor, as other jobs on the machine do not lengthen that.
    assert spent.children_user + spent.children_system - before.children_user - before.children_system < 60
    assert done.stderr.startswith(f"error: {tmp_path}/work: stopped by the time budget at ")
    assert done.stderr.count("\n") == 1
    assert list((tmp_path / "work").glob("piece*.npz"))


def test_a_budget_of_no_time_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ethane: Path, mm_engine: Engine
) -> None:
    arguments = [*simulate_arguments(ethane, mm_engine, tmp_path), "--run", "replica0", "--time-budget", "-1"]
    assert failure(monkeypatch, *arguments).startswith("error: --time-budget: -1: no time at all")
    assert list(tmp_path.iterdir()) == []


def test_arguments_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    listed = tmp_path / "many"
    listed.write_text("\n".join(["", *(f"absent {index}.csv" for index in range(50_000)), ""]))
    told = failure(monkeypatch, "summarize", f"@{listed}", "--out", tmp_path / "out.csv")
    assert "absent 0.csv: no such" in told
    assert "cannot be read as a list" in failure(monkeypatch, "summarize", "@absent", "--out", tmp_path / "out.csv")


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['mdsnake', '--help']\n"
        "from mdsnake import cli\n"
        "try: cli.main()\n"
        "except SystemExit as leaving: code = leaving.code\n"
        "heavy = {'torch', 'openmm', 'rdkit', 'ase', 'lightning', 'numpy', 'MDAnalysis'} & set(sys.modules)\n"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    start = os.times().children_user
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("prepare", "simulate", "window", "train", "rollout", "evaluate"):
        assert command in done.stdout
    assert os.times().children_user - start < 2


@pytest.mark.parametrize("wrong", [["nonsense"], ["simulate"], ["summarize", "--bogus"], ["prepare", "--out"]])
def test_a_command_line_that_cannot_be_read_is_one_line(wrong: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", "mdsnake", *wrong], capture_output=True, text=True, check=False)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert line.endswith("See mdsnake --help")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize(
    ("inputs", "outputs", "line"),
    [
        ([], {"out": "a.h5", "nve": "./a.h5"}, "a.h5: --nve: the same file as --out; name another"),
        (["start.h5"], {"out": "start.h5"}, "start.h5: --out: the same file as start.h5; name another"),
        (
            [],
            {"out": "a.h5", "nve": "start.h5/b.h5"},
            "start.h5/b.h5: --nve: .*start.h5 is no folder; name another path",
        ),
        ([], {"out": "."}, r"\.: --out: a folder stands there; name another path"),
    ],
)
def test_outputs_are_seen_to_before_long_work(
    inputs: list[str], outputs: dict[str, str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("start.h5").touch()
    with pytest.raises(UserError, match=f"^{line}$"):
        cli.see_to(*map(Path, inputs), **{option: Path(name) for option, name in outputs.items()})
    assert [path.name for path in tmp_path.iterdir()] == ["start.h5"]


def test_outputs_in_folders_to_come_are_good(tmp_path: Path) -> None:
    cli.see_to(tmp_path / "start.h5", out=tmp_path / "new/a.h5", nve=tmp_path / "new/b.h5")
    assert not list(tmp_path.iterdir())


def test_a_link_to_itself_is_no_crash(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    cli.see_to(loop, out=tmp_path / "a.h5")
    with pytest.raises(UserError, match="the same file as"):
        cli.see_to(loop, out=loop)
