"""An index of windows: frames of trajectories by number, and the split of each system.  No coordinates."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from mdsnake.config import Split
from mdsnake.inputs import parse_json, read_text
from mdsnake.store.atomic import write_text


@dataclasses.dataclass(frozen=True)
class WindowGroup:
    """Windows of one system in one split: `starts` are their first frames in the file `trajectory`."""

    system: str
    split: Split
    prepared: str
    trajectory: str
    starts: list[Annotated[int, Field(ge=0)]]

    def part(self, split: Split, first: int, last: int) -> "WindowGroup":
        return dataclasses.replace(self, split=split, starts=self.starts[first:last])


@dataclasses.dataclass(frozen=True)
class Windows:
    """All groups, and what a family has to know `about` the windows: how long they are, of which dynamics."""

    about: dict[str, Any]
    groups: list[WindowGroup]

    def of(self, split: str) -> list[WindowGroup]:
        return [group for group in self.groups if group.split == split]

    def save(self, path: str | Path) -> None:
        write_text(path, json.dumps(dataclasses.asdict(self)) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "Windows":
        text = read_text(path, "no such window index; run `mdsnake window` first")
        return parse_json(cls, text, str(path), "delete it and run `mdsnake window` again")
