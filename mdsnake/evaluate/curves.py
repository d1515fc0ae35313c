"""`curves.json`: what the figures draw of one roll-out, its reference and a replica."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, model_validator

from mdsnake.evaluate.compare import Sample
from mdsnake.evaluate.config import EvaluateSettings
from mdsnake.evaluate.distributions import histogram, rigid
from mdsnake.evaluate.energetics import mean_change
from mdsnake.inputs import parse_json, read_text
from mdsnake.store.h5md import Trajectory

Counts = list[Annotated[int, Field(ge=0)]]

#: Bins alike for all molecules, so that figures can add histograms up: unit, lowest, highest, number.
GRIDS = {
    "bond": ("pm", -25.0, 25.0, 100),
    "angle": ("deg", -50.0, 50.0, 100),
    "torsion": ("deg", -180.0, 180.0, 72),
    "pair": ("nm", 0.0, 2.0, 800),
    "potential": ("kJ/mol", -150.0, 350.0, 250),
}


def curves(rollout: Sample, reference: Sample, replica: Sample, nve: Trajectory) -> dict[str, Any]:
    """Name → unit, `edges` or `x`, and a series each of rollout, reference and replica.

    Counts have an entry below and one above the edges.  Bonds, angles and the potential energy are deviations
    from the mean of the reference; bonds that a constraint holds are left out.
    """
    samples = {"rollout": rollout, "reference": reference, "replica": replica}
    found: dict[str, Any] = {}
    free = ~rigid(rollout.bonds, reference.bonds)
    for name, (unit, low, high, bins) in GRIDS.items():
        values = {of: _values(name, sample, reference, free) for of, sample in samples.items()}
        counts = {of: histogram(v, low, high, bins)[0].tolist() for of, v in values.items()}
        found[name] = {"unit": unit, "edges": np.linspace(low, high, bins + 1).tolist(), **counts}
    found["vdos"] = {"unit": "1/cm"}
    for of, sample in samples.items():
        wavenumbers, density = sample.vdos
        found["vdos"][of] = {"x": _short(wavenumbers), "y": _short(density)}
    time, change = mean_change(nve)
    thin = max(1, len(time) // 500)
    found["nve"] = {"unit": "kJ/mol", "rollout": {"x": _short(time[::thin]), "y": _short(change[::thin])}}
    return found


class Histogram(BaseModel):
    """Counts between the edges, and an entry below and one above them."""

    unit: str
    edges: list[float]
    rollout: Counts
    reference: Counts
    replica: Counts

    @model_validator(mode="after")
    def _of_one_length(self) -> "Histogram":
        if any(len(c) != len(self.edges) + 1 for c in (self.rollout, self.reference, self.replica)):
            raise ValueError("counts and edges differ in length")
        return self


class Series(BaseModel):
    """Numbers y at x."""

    x: list[float | None]
    y: list[float | None]

    @model_validator(mode="after")
    def _of_one_length(self) -> "Series":
        if len(self.x) != len(self.y):
            raise ValueError("x and y differ in length")
        return self


class Spectra(BaseModel):
    unit: str
    rollout: Series
    reference: Series
    replica: Series


class Drift(BaseModel):
    unit: str
    rollout: Series


class Curves(BaseModel):
    """What `curves` gives."""

    bond: Histogram
    angle: Histogram
    torsion: Histogram
    pair: Histogram
    potential: Histogram
    vdos: Spectra
    nve: Drift


class File(BaseModel):
    """What lies in the file."""

    settings: EvaluateSettings
    frame_fs: float
    n: dict[str, int]
    curves: Curves


def read_curves(path: str | Path) -> dict[str, Any]:
    """The file, checked."""
    text = read_text(path, "no such file of curves; evaluate first")
    return parse_json(File, text, str(path), "delete it and evaluate again").model_dump()


def _values(name: str, sample: Sample, reference: Sample, free: np.ndarray) -> np.ndarray:
    if name == "bond":
        values = 1e3 * (sample.bonds - reference.bonds.mean(axis=0))[:, free]
    elif name == "angle":
        values = np.degrees(sample.angles - reference.angles.mean(axis=0))
    elif name == "torsion":
        values = np.degrees(sample.torsions)
    elif name == "pair":
        values = sample.pairs
    else:
        values = sample.potential - reference.potential.mean()
    return values.reshape(-1, 1)


def _short(values: np.ndarray) -> list[float | None]:
    """Six digits; JSON knows no NaN."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]
