"""Bad inputs by kind, each given to a process of its own: how many are refused in one clear line, with nothing written.

python benchmarks/bad_input.py --out benchmarks/results/bad_input.json
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from record import record, write

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="in this process, in two minutes instead of half an hour")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))  # the inputs are those of the tests
    with tempfile.TemporaryDirectory() as scratch:
        write(arguments.out, measured(Path(scratch), arguments.quick))


def measured(scratch: Path, quick: bool) -> list[dict[str, Any]]:
    """Tried and refused by kind of input, and the time until a refusal."""
    from tests.malformed.case import faults, run, tell, watching
    from tests.malformed.corpus import cases, spoil
    from tests.malformed.good import make

    (scratch / "good").mkdir()
    good, ask = make(scratch / "good"), tell if quick else run
    tried, refused, seconds = Counter[str](), Counter[str](), []
    for index, (called, kind, name) in enumerate(cases()):
        folder = scratch / str(index)
        command, named, words = spoil(kind, name, good, folder)
        with watching(folder) as new:
            start = time.monotonic()
            outcome = ask(command)
            seconds.append(time.monotonic() - start)
        found = faults(outcome, named, words, new)
        tried[called] += 1
        refused[called] += not found
        if found:
            print(f"{called}: {name}: {', '.join(found)}", flush=True)
    tried["all"], refused["all"] = tried.total(), refused.total()
    setting = "one process for all" if quick else "a process each"
    records = [
        record(
            called, "", setting, "refused in one line", "1", refused[called], n=n, mark="all", met=refused[called] == n
        )
        for called, n in tried.items()
    ]
    slowest = float(np.max(seconds))
    records.append(record("all", "", setting, "time to refuse, slowest", "s", slowest, n=len(seconds)))
    return [
        *records,
        record("all", "", setting, "time to refuse, median", "s", float(np.median(seconds)), n=len(seconds)),
    ]


if __name__ == "__main__":
    main()
