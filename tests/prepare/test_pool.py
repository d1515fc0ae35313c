from concurrent.futures.process import BrokenProcessPool

from mdsnake.prepare.pool import outcomes


def test_a_failure_or_a_crash_leaves_the_others_alone() -> None:
    product, failure, crash, total = outcomes(eval, ["6 * 7", "1 / 0", "__import__('os')._exit(3)", "1 + 1"], 2)
    assert (product, total) == (42, 2)
    assert isinstance(failure, ZeroDivisionError)
    assert isinstance(crash, BrokenProcessPool)


def test_order_is_kept_and_processes_may_outnumber_items() -> None:
    assert outcomes(str, [3, 1, 2], 8) == ["3", "1", "2"]
