import fcntl
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mdsnake.errors import UserError
from mdsnake.store.work import fingerprint, read_note, work_folder


def interrupted(path: Path, key: str) -> None:
    with pytest.raises(KeyboardInterrupt), work_folder(path, key) as folder:
        (folder / "piece").write_text("done")
        raise KeyboardInterrupt


def test_success_removes_the_folder(tmp_path: Path) -> None:
    with work_folder(tmp_path / "job", "key") as folder:
        (folder / "piece").write_text("done")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_keeps_it_for_the_same_job(tmp_path: Path) -> None:
    interrupted(tmp_path / "job", "key")
    with work_folder(tmp_path / "job", "key") as folder:
        assert (folder / "piece").read_text() == "done"


def test_a_changed_fingerprint_begins_afresh_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted(tmp_path / "job", "key")
    assert capsys.readouterr().out == ""
    with work_folder(tmp_path / "job", "other") as folder:
        assert not (folder / "piece").exists()
    line = f"{tmp_path}/job: work on other inputs, settings or by another version; discarded\n"
    assert capsys.readouterr().out == line


def test_a_failure_before_any_work_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="bad input"), work_folder(tmp_path / "job", "key") as folder:
        (folder / "platform").write_text("Reference")
        raise UserError("bad input")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_was_writing_goes(tmp_path: Path) -> None:
    interrupted(tmp_path / "job", "key")
    (tmp_path / "job" / ".piece-abc.npz").write_text("half")
    with work_folder(tmp_path / "job", "key") as folder:
        assert sorted(path.name for path in folder.iterdir()) == ["fingerprint", "piece"]


def test_a_folder_without_its_fingerprint_yet_is_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / ".fingerprint-abc").write_text("half")
    with work_folder(tmp_path / "job", "key") as folder:
        assert [path.name for path in folder.iterdir()] == ["fingerprint"]
    assert capsys.readouterr().out == ""


def test_a_hidden_folder_is_no_hindrance(tmp_path: Path) -> None:
    interrupted(tmp_path / "job", "key")
    (tmp_path / "job" / ".cache").mkdir()
    with work_folder(tmp_path / "job", "key") as folder:
        assert (folder / "piece").read_text() == "done"


def test_a_damaged_fingerprint_begins_afresh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted(tmp_path / "job", "key")
    (tmp_path / "job" / "fingerprint").write_bytes(b"\xff\xfe")
    with work_folder(tmp_path / "job", "key") as folder:
        assert not (folder / "piece").exists()
    assert capsys.readouterr().out.endswith("discarded\n")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", bytes(9)])
def test_a_damaged_note_is_discarded(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    note = tmp_path / "platform"
    assert read_note(note) == ""
    note.write_text("Reference")
    assert read_note(note) == "Reference"
    assert capsys.readouterr().out == ""
    note.write_bytes(content)
    assert read_note(note) == ""
    assert not note.exists()
    assert capsys.readouterr().out == f"{note}: damaged; discarded and made again\n"


@pytest.mark.parametrize("name", ["thesis", ".git"])
def test_a_folder_of_another_kind_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / name).write_text("whose?")
    with pytest.raises(UserError, match="holds files of another kind"), work_folder(tmp_path / "job", "key"):
        pass
    assert (tmp_path / "job" / name).read_text() == "whose?"


HOLDER = """
import sys, time
from mdsnake.store.work import work_folder
with work_folder(sys.argv[1], "key") as folder:
    (folder / "piece").write_text("done")
    print("inside", flush=True)
    time.sleep(600)
"""
CONTENDER = """
import os, sys
from mdsnake.errors import UserError
from mdsnake.store.work import work_folder
entered = 0
for _ in range(20_000):
    try:
        with work_folder(sys.argv[1], "key"):
            os.close(os.open(sys.argv[2], os.O_CREAT | os.O_EXCL))
            os.unlink(sys.argv[2])
            entered += 1
    except UserError:
        pass
    if entered == 100:
        break
"""


def python(code: str, *arguments: Path, **options: Any) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], text=True, **options)


def test_a_second_run_of_the_same_job_is_kept_out_until_the_first_is_dead(tmp_path: Path) -> None:
    job = tmp_path / "job"
    with python(HOLDER, job, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "inside\n"
        owner = f"process {first.pid} on {platform.node()}"
        told = f"^{job}: {owner} is at the same job; wait for it or stop it$"
        with pytest.raises(UserError, match=told), work_folder(job, "key"):
            pass
        with pytest.raises(UserError, match=told), work_folder(job, "other"):
            pass
        assert (job / "piece").exists()
        first.kill()
    with work_folder(job, "key") as folder:
        assert (folder / "piece").exists()
    assert list(tmp_path.iterdir()) == []


def test_no_two_of_many_that_come_and_go_are_inside_at_once(tmp_path: Path) -> None:
    rivals = [python(CONTENDER, tmp_path / "job", tmp_path / "inside", stderr=subprocess.PIPE) for _ in range(3)]
    for rival in rivals:
        _, errors = rival.communicate(timeout=120)
        assert rival.returncode == 0, errors
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, os.strerror(95))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with work_folder(tmp_path / "job", "key"):
        pass
    told = f"{tmp_path}/job: no locks here (Operation not supported); see that no other process is at the same job\n"
    assert capsys.readouterr().out == told


def test_the_fingerprint_follows_content_and_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("1")
    assert fingerprint({"x": 1, "y": 2}, tmp_path / "a") == fingerprint({"y": 2, "x": 1}, tmp_path / "b")
    before = fingerprint(tmp_path / "a")
    (tmp_path / "a").write_text("2")
    assert fingerprint(tmp_path / "a") != before
    assert fingerprint(1, 2) != fingerprint(2, 1)
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
