"""Why a job failed, and the table of failed jobs."""

from pathlib import Path

import pytest

from mdsnake.errors import UserError
from mdsnake.failures import Failure, read_failures, reason_of, told, update_failures


def failure(molecule: str, output: Path | str = "absent", reason: str = "exploded") -> Failure:
    return Failure(molecule, "qm", "bursts", f"bursts {molecule}, qm", reason, "the.log", str(output), "1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("25 %\nerror: ethane: SCF failed; check charge\n", "ethane: SCF failed; check charge"),
        ("error: first\nerror: second\n", "second"),
        ("Traceback …\n  File\nKeyError: 'x'\n", "KeyError: 'x'; a fault of the program"),
        ("25 %\n50 %\n", "ended from outside (memory, time limit or by hand) and goes on when run again; its log ends"),
        ("a\nb\nc\nd\n", "its log ends: b | c | d"),
        ("error: ethane:\tout \x1b[1m of\x07 range\n", "ethane: out range"),
        ("", "its log is empty"),
        (None, "its log is empty"),
    ],
)
def test_reason(tmp_path: Path, text: str | None, reason: str) -> None:
    log = tmp_path / "a.log"
    if text is not None:
        log.write_text(text)
    assert reason in reason_of(log)


def test_table_gains_and_loses_rows(tmp_path: Path) -> None:
    table, made = tmp_path / "failed.csv", tmp_path / "bursts.h5"
    update_failures(table, [failure("", "model")])
    assert not table.exists(), "a training has no molecule to leave out"
    update_failures(table, [failure("ethane", made), failure("methane", reason='a "quoted", reason')])
    assert [row.molecule for row in read_failures(table)] == ["ethane", "methane"]
    assert read_failures(table)[1].reason == 'a "quoted", reason'
    update_failures(table, [failure("methane", reason="again")])
    assert [row.reason for row in read_failures(table)] == ["exploded", "again"]
    made.touch()
    update_failures(table, [])
    assert [row.molecule for row in read_failures(table)] == ["methane"]


def test_unchanged_table_is_not_touched(tmp_path: Path) -> None:
    table = tmp_path / "failed.csv"
    update_failures(table, [failure("ethane")])
    before = table.stat()
    update_failures(table, [failure("ethane")])
    assert (table.stat().st_ino, table.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "failed.csv").write_text("molecule,colour\nethane,red\n")
    with pytest.raises(UserError, match=r"failed\.csv: header: no column 'engine'"):
        read_failures(tmp_path / "failed.csv")


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "failed.csv").mkdir()
    with pytest.raises(UserError, match=r"failed\.csv: a folder, where a file is needed"):
        read_failures(tmp_path / "failed.csv")


def test_told() -> None:
    text = told([failure("ethane"), failure("methane", reason="too hot")], "failed.csv")
    assert text.startswith("2 jobs failed")
    assert "bursts methane, qm: too hot\n    the.log" in text
    assert "To go on without ethane, methane (failed.csv): --config exclude_failed=true" in text
    assert "exclude_failed" not in told([failure("")], "failed.csv")
