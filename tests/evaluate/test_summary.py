import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.evaluate.records import COLUMNS, read_records, write_records
from mdsnake.evaluate.summary import summarize


def test_files_are_joined_in_order_and_shared_rows_once(tmp_path, record):
    control = record("ke_ratio", np.nan, member="zero", floor=np.nan)
    write_records(tmp_path / "b.csv", [record(value=0.98765432), control])
    write_records(tmp_path / "a.csv", [record(member="ballistic", k=8), record(member="ballistic", k=16), control])
    out = tmp_path / "kstep.csv"
    summarize([tmp_path / "b.csv", tmp_path / "a.csv"], out)
    assert out.read_text().splitlines()[0] == ",".join(COLUMNS)
    rows = read_records(out)
    assert [(r.member, r.k) for r in rows] == [("ballistic", 8), ("ballistic", 16), ("egnn", 4), ("zero", 4)]
    assert rows[2].value == pytest.approx(0.9876543)
    assert np.isnan(rows[3].value)


def test_files_that_disagree_are_refused(tmp_path, record):
    write_records(tmp_path / "a.csv", [record(value=1.0)])
    write_records(tmp_path / "b.csv", [record(value=2.0)])
    with pytest.raises(UserError, match=r"b\.csv: ke_ratio of ethanol differs from .*a\.csv"):
        summarize([tmp_path / "a.csv", tmp_path / "b.csv"], tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,b\n1,2\n", "header: no column 'molecule'"),
        (",".join(COLUMNS) + "\n" + "x," * 11 + "x\n", "row 1: not a row"),
    ],
)
def test_foreign_files_are_refused(tmp_path, text, fault):
    (tmp_path / "foreign.csv").write_text(text)
    with pytest.raises(UserError, match=fault):
        read_records(tmp_path / "foreign.csv")
