"""`curves.json` of an evaluated trajectory model: what figures draw."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mdsnake.evaluate.config import SurfaceSettings
from mdsnake.inputs import parse_json, read_text

Row = list[float]


def _is_of(values: list[Row], rows: int, columns: int) -> bool:
    return [len(row) for row in values] == [columns] * rows


class Slices(BaseModel):
    """Means and their standard errors by the frame that a window starts at."""

    start: Row
    value: Row
    error: Row

    @model_validator(mode="after")
    def _of_one_length(self) -> "Slices":
        if not len(self.start) == len(self.value) == len(self.error):
            raise ValueError("start, value and error differ in length")
        return self


class Attention(BaseModel):
    """Maps of the heads of the last layer in one window, the mean over all, and that by time difference."""

    heads: Annotated[list[list[Row]], Field(min_length=1)]
    mean: Annotated[list[Row], Field(min_length=1)]
    difference: Row

    @model_validator(mode="after")
    def _of_the_same_frames(self) -> "Attention":
        n = len(self.mean)
        if not all(_is_of(values, n, n) for values in (self.mean, *self.heads)) or len(self.difference) != 2 * n - 1:
            raise ValueError("heads, mean and difference are not of the same frames")
        return self


class Drawing(BaseModel):
    """All of one model; densities are on squares between the edges x and y."""

    model_config = ConfigDict(extra="forbid")

    settings: SurfaceSettings
    slices: Slices
    limit: Slices
    x: Annotated[Row, Field(min_length=2)]
    y: Annotated[Row, Field(min_length=2)]
    densities: dict[str, list[Row]]
    attention: Attention

    @model_validator(mode="after")
    def _of_the_squares(self) -> "Drawing":
        shape = len(self.x) - 1, len(self.y) - 1
        if "exact" not in self.densities or not all(_is_of(values, *shape) for values in self.densities.values()):
            raise ValueError("densities: the exact one is not there, or one is not on the squares between x and y")
        return self

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
