"""`k4.json`: pairs of frames by index, and the split of each molecule.  No coordinates."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from mdsnake.errors import UserError
from mdsnake.store.atomic import write_text


@dataclasses.dataclass(frozen=True)
class WindowGroup:
    """Windows of one molecule in one split: `starts` are frames t of pairs (t, t + k) in the file `bursts`."""

    molecule: str
    split: str
    prepared: str
    bursts: str
    starts: list[int]

    def part(self, split: str, first: int, last: int) -> "WindowGroup":
        return dataclasses.replace(self, split=split, starts=self.starts[first:last])


@dataclasses.dataclass(frozen=True)
class Windows:
    """All groups and the jump (engine, k, time steps) that they are for."""

    jump: dict[str, Any]
    groups: list[WindowGroup]

    def of(self, split: str) -> list[WindowGroup]:
        return [group for group in self.groups if group.split == split]

    def save(self, path: str | Path) -> None:
        write_text(path, json.dumps(dataclasses.asdict(self)) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "Windows":
        try:
            data = json.loads(Path(path).read_text())
            return cls(data["jump"], [WindowGroup(**group) for group in data["groups"]])
        except FileNotFoundError:
            raise UserError(f"{path}: no such window index; run `mdsnake window` first") from None
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: not a window index; delete it and run `mdsnake window` again") from error
