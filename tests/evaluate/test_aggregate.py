import numpy as np

from mdsnake.evaluate.aggregate import Spread, counted, held_out, spread


def test_seeds_are_averaged_before_the_median_over_molecules(record):
    rows = [
        record(value=1.0, molecule="a", seed=0), record(value=3.0, molecule="a", seed=1),
        record(value=10.0, molecule="b"), record(value=4.0, molecule="c"), record(value=np.nan, molecule="d"),
    ]  # fmt: skip
    assert spread(rows) == Spread(4.0, 2.0, 10.0, 3)
    assert spread(rows[4:]) is None
    assert counted(rows, "held-out molecules") == "n = 4 held-out molecules, 2 seeds"


def test_only_test_molecules_where_there_are_any(record):
    train, test = record(split="train"), record(split="test", molecule="x")
    assert held_out([train, test])[0] == [test]
    assert held_out([train])[0] == [train]
