"""`curves.json` of an evaluated set of chains: its numbers, and what figures draw."""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from mdsnake.evaluate.proteins.bands import BANDS
from mdsnake.evaluate.proteins.chains import Chain
from mdsnake.evaluate.proteins.internal import internal, ramachandran
from mdsnake.evaluate.proteins.natives import Chains
from mdsnake.evaluate.records import Score
from mdsnake.inputs import parse_json, read_text

#: Edges of the histograms: three widths of the band to either side.
BINS = 70
RAMACHANDRAN_BINS = 36
Row = list[float | None]


class Curve(BaseModel):
    """Means and standard deviations over chains, by the share of all steps of noise."""

    share: list[float]
    rmsd: Row
    rmsd_spread: Row
    loss: Row
    loss_spread: Row


class Shown(BaseModel):
    """A set of chains: a model's samples, natives, or a control.

    Attributes
    ----------
    chains : columns of the table of chains, by name
    histograms : counts of each kind of bond and angle in `BINS` between `edges`
    ramachandran : counts by φ and ψ
    pairwise : TM-scores of all pairs, empty where they are not known
    """

    chains: dict[str, list[Any]]
    histograms: dict[str, list[int]]
    ramachandran: list[list[int]]
    pairwise: list[Row] = []


class Drawing(BaseModel):
    """All of one evaluation."""

    model_config = ConfigDict(extra="forbid")

    member: str
    seed: int
    scores: list[tuple[Any, ...]]
    sets: dict[str, Shown]
    denoising: dict[str, Curve] = {}

    @property
    def records(self) -> list[Score]:
        return [Score._make(np.nan if cell is None else cell for cell in row) for row in self.scores]


def edges(kind: str) -> np.ndarray:
    low, high = BANDS[kind]
    return np.linspace(low - 3 * (high - low), high + 3 * (high - low), BINS + 1)


def shown(coords: Chains, rows: list[Chain], pairwise: np.ndarray | None = None) -> Shown:
    """What figures draw of a set of chains."""
    found = [internal(one) for one in coords.values()]
    pooled = {kind: np.concatenate([one[kind] for one in found]) for kind in BANDS}
    angles = np.concatenate([ramachandran(one) for one in found])
    grid = np.linspace(-180, 180, RAMACHANDRAN_BINS + 1)
    return Shown(
        chains={name: [plain(getattr(row, name)) for row in rows] for name in Chain._fields},
        histograms={kind: np.histogram(pooled[kind], edges(kind))[0].tolist() for kind in BANDS},
        ramachandran=np.histogram2d(angles[:, 0], angles[:, 1], (grid, grid))[0].astype(int).tolist(),
        pairwise=[] if pairwise is None else pairwise.round(4).tolist(),
    )


def plain(value: Any) -> Any:
    """A value of JSON, which has no NaN."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def read_drawing(path: Path) -> Drawing:
    """The file, or a `UserError` of one line."""
    text = read_text(path, "no such curves; run the evaluation first")
    return parse_json(Drawing, text, str(path), "delete it and evaluate again")
