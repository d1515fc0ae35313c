import errno
import os
import stat
from pathlib import Path

import pytest

from mdsnake.errors import UserError
from mdsnake.store.atomic import replacing, write_text


def test_a_file_is_replaced_whole_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["file.txt"]


def test_who_reads_the_old_file_reads_it_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with open(path) as reader:
        write_text(path, "new")
        assert reader.read() == "old"
        assert os.fstat(reader.fileno()).st_ino != path.stat().st_ino


def test_a_file_that_cannot_be_made_is_named_as_the_user_did(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250)
    with pytest.raises(OSError) as error:
        write_text(path, "")
    assert error.value.filename == str(path)


def test_the_usual_permissions_are_kept(tmp_path: Path) -> None:
    write_text(tmp_path / "ours", "")
    (tmp_path / "usual").write_text("")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_keeps_what_was_there(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(failure), replacing(path) as temporary:
        temporary.write_text("half")
        raise failure
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"file\.txt: the disk is full") as error:
        write_text(tmp_path / "file.txt", "new")
    assert "\n" not in str(error.value)
    assert os.listdir(tmp_path) == []


def test_a_device_without_space_leaves_no_half_file(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match="disk is full"),
        replacing(tmp_path / "file.txt"),
        open("/dev/full", "w") as device,
    ):
        device.write("too much")
    assert os.listdir(tmp_path) == []


def test_other_errors_of_the_system_pass(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), replacing(tmp_path / "file.txt"):
        raise PermissionError(13, "Permission denied")
