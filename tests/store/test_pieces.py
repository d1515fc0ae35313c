from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from mdsnake.errors import OutOfTime
from mdsnake.store.budget import Budget
from mdsnake.store.pieces import Piece, join, run_pieces


class Sum:
    """Pieces that each add their index to the sum of those before, and a tally of which were made."""

    def __init__(self, count: int, stop_at: int | None = None) -> None:
        self.made: list[int] = []
        self.stop_at = stop_at
        self.makers: list[Callable[[Piece | None], Piece]] = [
            lambda before, index=index: self.make(index, before) for index in range(count)
        ]

    def make(self, index: int, before: Piece | None) -> Piece:
        if index == self.stop_at:
            raise KeyboardInterrupt
        self.made.append(index)
        total = before.arrays["total"] if before else np.zeros(1000)
        return Piece({"total": total + index}, {"calls": 0.1 * index})


def run(folder: Path, job: Sum, budget: Budget | None = None) -> list[Piece]:
    return run_pieces(folder, job.makers, lambda index, piece, seconds: None, budget)


def interrupted(folder: Path, stop_at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(folder, Sum(6, stop_at))


def test_pieces_that_are_there_are_not_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted(tmp_path, 3)
    job = Sum(6)
    pieces = run(tmp_path, job)
    assert job.made == [3, 4, 5]
    assert capsys.readouterr().out == f"{tmp_path}: going on at 50 %\n"
    for index, piece in enumerate(pieces):
        assert (piece.arrays["total"] == index * (index + 1) / 2).all()
        assert piece.counters == {"calls": 0.1 * index}
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"piece{index:05d}.npz" for index in range(6)]


@pytest.mark.parametrize("kept", [0, 10, 1000, -1])
def test_a_cut_piece_and_all_after_it_are_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: int
) -> None:
    interrupted(tmp_path, 4)
    cut = tmp_path / "piece00002.npz"
    cut.write_bytes(cut.read_bytes()[:kept])
    job = Sum(6)
    pieces = run(tmp_path, job)
    assert job.made == [2, 3, 4, 5]
    assert (pieces[-1].arrays["total"] == 15).all()
    assert capsys.readouterr().out.startswith(f"{cut}: damaged; discarded and made again\n")


def test_an_interrupted_save_leaves_no_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(file: IO[bytes], **_: object) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Sum(6))
    assert list(tmp_path.iterdir()) == []


def test_an_archive_of_another_kind_is_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted(tmp_path, 4)
    np.savez(tmp_path / "piece00002.npz", total=np.zeros(3))
    job = Sum(6)
    run(tmp_path, job)
    assert job.made == [2, 3, 4, 5]
    assert capsys.readouterr().out.startswith(f"{tmp_path}/piece00002.npz: damaged; discarded and made again\n")


def test_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    interrupted(tmp_path, 4)
    path = tmp_path / "piece00003.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    job = Sum(6)
    run(tmp_path, job)
    assert job.made == [3, 4, 5]


def test_a_spent_budget_stops_after_a_piece_and_every_run_gets_on(tmp_path: Path) -> None:
    for done in range(1, 6):
        with pytest.raises(OutOfTime, match=rf"stopped by the time budget at {100 * done / 6:.0f} %"):
            run(tmp_path, Sum(6), Budget(1e-9))
        assert len(list(tmp_path.iterdir())) == done
    job = Sum(6)
    assert (run(tmp_path, job, Budget(1e-9))[-1].arrays["total"] == 15).all()
    assert job.made == [5]


def test_counts_that_one_piece_alone_has_are_kept() -> None:
    arrays = {"a": np.zeros((2, 3))}
    whole = join([Piece(arrays, {"n": 1}), Piece(arrays, {"n": 2, "lost": 1.0})], axis=1)
    assert whole.arrays["a"].shape == (2, 6)
    assert whole.counters == {"lost": 1.0, "n": 3}
