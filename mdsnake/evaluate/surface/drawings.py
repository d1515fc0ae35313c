"""`curves.json` of an evaluated trajectory model: what figures draw."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from mdsnake.evaluate.config import SurfaceSettings
from mdsnake.inputs import parse_json, read_text

Row = list[float]


class Slices(BaseModel):
    """Means and their standard errors by the frame that a window starts at."""

    start: Row
    value: Row
    error: Row


class Attention(BaseModel):
    """Maps of the heads of the last layer in one window, the mean over all, and that by time difference."""

    heads: list[list[Row]]
    mean: list[Row]
    difference: Row


class Drawing(BaseModel):
    """All of one model; densities are on squares between the edges x and y."""

    model_config = ConfigDict(extra="forbid")

    settings: SurfaceSettings
    slices: Slices
    limit: Slices
    x: Row
    y: Row
    densities: dict[str, list[Row]]
    attention: Attention

    @property
    def system(self) -> str:
        return self.settings.name

    @property
    def member(self) -> str:
        return self.settings.member

    @property
    def seed(self) -> int:
        return self.settings.seed


def read_drawing(path: Path) -> Drawing:
    """The file, or a `UserError` of one line."""
    text = read_text(path, "no such curves; run the evaluation first")
    return parse_json(Drawing, text, str(path), "delete it and evaluate again")
