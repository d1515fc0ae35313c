import time
from pathlib import Path

import pytest

from mdsnake.errors import OutOfTime, UserError
from mdsnake.store.budget import Budget

PLACE = Path("results/.work/job")


def worked(budget: Budget, seconds: float, share: float = 0.5) -> None:
    budget.begin(PLACE, share)
    time.sleep(seconds)
    budget.end()


def test_without_a_budget_there_is_no_end() -> None:
    budget = Budget()
    for _ in range(3):
        worked(budget, 0.01)


def test_a_piece_that_would_end_too_late_is_not_begun() -> None:
    budget = Budget(1.0 / 60)
    worked(budget, 0.3)
    worked(budget, 0.1)
    time.sleep(0.35)  # 0.75 s are gone: 0.1 s would fit, 0.3 s does not
    line = rf"^{PLACE}: stopped by the time budget at 50 %; run it again to go on$"
    with pytest.raises(OutOfTime, match=line):
        worked(budget, 0.0)


def test_what_is_not_between_begin_and_end_is_no_piece() -> None:
    budget = Budget(1.0 / 60)
    time.sleep(0.6)
    budget.end()
    worked(budget, 0.01)
    worked(budget, 0.01)


def test_a_budget_shorter_than_a_piece_says_so() -> None:
    budget = Budget(0.01 / 60)
    worked(budget, 0.05)
    with pytest.raises(OutOfTime, match=r"more than the budget of 0\.00017; raise it and run it again to go on$"):
        worked(budget, 0.0)


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan")])
def test_no_time_is_one_clear_line(minutes: float) -> None:
    with pytest.raises(UserError, match=r"^--time-budget: .*: no time at all; give the job minutes to work in$"):
        Budget(minutes)
