"""Single jumps are judged on enough molecules, not on all of a large table."""

import itertools

import pytest

from mdsnake.evaluate.jumps import MOST_MOLECULES, _some
from mdsnake.store.windows import WindowGroup


@pytest.mark.parametrize("molecules", [0, 1, MOST_MOLECULES, MOST_MOLECULES + 1, 10_000])
def test_at_most_so_many_molecules_evenly_spread(molecules: int) -> None:
    groups = [WindowGroup(f"m{index}", "test", "", "", [0]) for index in range(molecules)]
    chosen = _some(groups, MOST_MOLECULES)
    assert len({group.system for group in chosen}) == len(chosen) == min(molecules, MOST_MOLECULES)
    if molecules:
        places = [int(group.system[1:]) for group in chosen]
        gaps = {after - before for before, after in itertools.pairwise(places)}
        assert places[0] == 0
        assert places[-1] == molecules - 1
        assert max(gaps, default=0) - min(gaps, default=0) <= 1
