from pathlib import Path

import pytest

from mdsnake.errors import UserError
from mdsnake.store.work import fingerprint, work_folder


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


def test_a_changed_fingerprint_begins_afresh(tmp_path: Path) -> None:
    interrupted(tmp_path / "job", "key")
    with work_folder(tmp_path / "job", "other") as folder:
        assert not (folder / "piece").exists()


def test_a_folder_without_fingerprint_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "piece").write_text("whose?")
    with work_folder(tmp_path / "job", "key") as folder:
        assert not (folder / "piece").exists()


def test_a_second_run_of_the_same_job_is_kept_out(tmp_path: Path) -> None:
    with work_folder(tmp_path / "job", "key") as folder:
        (folder / "piece").write_text("done")
        with pytest.raises(UserError, match="another process is at the same job"), work_folder(tmp_path / "job", "key"):
            pass
        assert (folder / "piece").exists()
    with work_folder(tmp_path / "job", "key"):
        pass  # the lock went with the first run


def test_the_fingerprint_follows_content_and_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("1")
    assert fingerprint({"x": 1, "y": 2}, tmp_path / "a") == fingerprint({"y": 2, "x": 1}, tmp_path / "b")
    before = fingerprint(tmp_path / "a")
    (tmp_path / "a").write_text("2")
    assert fingerprint(tmp_path / "a") != before
    assert fingerprint(1, 2) != fingerprint(2, 1)
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
