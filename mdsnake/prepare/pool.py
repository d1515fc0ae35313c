"""One outcome for every item, whatever the others do."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from signal import SIG_IGN, SIGINT, signal
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def outcomes(function: Callable[[Item], Result], items: Sequence[Item], processes: int) -> list[Result | Exception]:
    """Result of each call, or the exception it ended with.

    A call that kills its process takes its neighbours in the pool with it, so what is left then is run again,
    each in a process of its own; the killer's outcome is `BrokenProcessPool`.
    """
    found = _run(function, items, processes)
    return [
        _run(function, [item], 1)[0] if isinstance(outcome, BrokenProcessPool) else outcome
        for item, outcome in zip(items, found, strict=True)
    ]


def _run(function: Callable[[Item], Result], items: Sequence[Item], processes: int) -> list[Result | Exception]:
    # A server without threads or devices does the forking: the caller may have either.
    context = get_context("forkserver")
    context.set_forkserver_preload([getattr(function, "func", function).__module__])
    found: list[Result | Exception] = [BrokenProcessPool()] * len(items)
    with ProcessPoolExecutor(
        min(processes, len(items)), context, initializer=signal, initargs=(SIGINT, SIG_IGN)
    ) as pool:
        try:
            futures = []
            with suppress(BrokenProcessPool):
                for item in items:
                    futures.append(pool.submit(function, item))
            for index, future in enumerate(futures):
                found[index] = future.exception() or future.result()  # type: ignore[assignment]
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    return found
