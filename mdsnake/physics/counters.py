"""Tallies of calls, milliseconds and reasons."""

from collections import defaultdict
from collections.abc import Mapping


class Counters(defaultdict[str, float]):
    """Named numbers that start at 0."""

    def __init__(self, values: Mapping[str, float] | None = None) -> None:
        super().__init__(float, values or {})

    def __add__(self, other: Mapping[str, float]) -> "Counters":
        return Counters({name: self.get(name, 0.0) + other.get(name, 0.0) for name in self.keys() | other.keys()})

    def __sub__(self, other: Mapping[str, float]) -> "Counters":
        return Counters({name: value - other.get(name, 0.0) for name, value in self.items()})
