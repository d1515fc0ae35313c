"""Overdamped dynamics as a Markov process that jumps between the cells of a grid, and what follows from it exactly.

Rates are the fluxes of Scharfetter and Gummel (IEEE Trans. Electron Devices 16, 64 (1969)): between two centres the
energy is taken as linear.  They keep detailed balance, and the error is of second order in the spacing.
Nothing leaves the grid.  Friction is 1.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, PlainValidator
from scipy.interpolate import RegularGridInterpolator
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import LinearOperator, eigsh, splu

from mdsnake.errors import UserError
from mdsnake.inputs import parse_json, read_text
from mdsnake.physics.surface import MuellerBrown2D
from mdsnake.store.atomic import write_text

#: Where walkers on the surface of Müller and Brown are: all but 0.03 % at kT = 15 and 1 % at 25, where a wider box
#: would make the mean first passage time 1 % longer.  The cells put no figure off by more than 0.2 %.
BOX = ((-1.5, 1.2), (-0.3, 2.1))
SPACING = 0.02
#: Eigenvalues are sought next to this one, which is near zero but none of them.
SHIFT = 1e-3


def generator(energy: np.ndarray, spacing: float, kT: float) -> csr_array:
    """Rates (C, C) between the C cells of a grid of any dimension, by the `energy` at their centres; rows add to 0."""
    cells = np.arange(energy.size).reshape(energy.shape)
    rows, columns, rates = [], [], []
    for axis in range(energy.ndim):
        step = np.diff(energy, axis=axis).ravel() / kT
        low, high = (np.delete(cells, end, axis).ravel() for end in (-1, 0))
        rows += [low, high]
        columns += [high, low]
        rates += [_bernoulli(step), _bernoulli(-step)]
    where = np.concatenate(rows), np.concatenate(columns)
    jumps = coo_array((kT / spacing**2 * np.concatenate(rates), where), shape=(energy.size, energy.size)).tocsr()
    return (jumps - diags_array(jumps.sum(axis=1))).tocsr()


def _bernoulli(u: np.ndarray) -> np.ndarray:
    """u / (eᵘ − 1), 1 at 0."""
    with np.errstate(over="ignore"):
        return np.divide(u, np.expm1(u), out=np.ones_like(u), where=u != 0)


def committor(rates: csr_array, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Probability to reach the cells `b` before the cells `a`, both (C,) masks, from each cell, (C,)."""
    reached = b.astype(float)
    between = ~(a | b)
    reached[between] = _solver(-rates[between][:, between])(rates[between] @ reached)
    return reached


def first_passage_time(rates: csr_array, target: np.ndarray) -> np.ndarray:
    """Mean time until the cells of the mask `target` are reached, from each cell, (C,)."""
    time = np.zeros(len(target))
    time[~target] = _solver(-rates[~target][:, ~target])(np.ones(np.count_nonzero(~target)))
    return time


def relaxation_times(rates: csr_array, count: int) -> np.ndarray:
    """The `count` slowest times to relax, t₂ first."""
    diagonal = diags_array(rates.diagonal())
    jumps = rates - diagonal
    symmetric = (jumps * jumps.T).sqrt() + diagonal  # the same eigenvalues, by detailed balance
    solve = _solver(SHIFT * diags_array(np.ones(rates.shape[0])) - symmetric)
    inverse = LinearOperator(rates.shape, matvec=lambda b: -solve(b), dtype=float)
    start = np.ones(rates.shape[0])  # SciPy's own is random
    values = eigsh(symmetric, count + 1, sigma=SHIFT, OPinv=inverse, v0=start, return_eigenvectors=False)
    return 1 / np.sort(-values)[1:]


def _solver(matrix: csr_array) -> Callable[[np.ndarray], np.ndarray]:
    """Solves for a right-hand side.  No entry outweighs the diagonal, so no pivoting is needed, which is faster."""
    factors = splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return factors.solve


def _finite(values: Any, axes: int) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, OverflowError) as error:
        raise ValueError("not numbers, or too large") from error
    if not np.isfinite(array).all():
        raise ValueError("not all numbers are finite")
    if array.ndim != axes:
        raise ValueError(f"of {array.ndim} axes, not {axes}")
    return array


Row = Annotated[np.ndarray, PlainValidator(partial(_finite, axes=1))]
Grid = Annotated[np.ndarray, PlainValidator(partial(_finite, axes=2))]
Time = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclasses.dataclass
class Exact:
    """What is known of a surface at one kT, in its own units, with friction 1.

    Attributes
    ----------
    x, y : centres of the cells, (X,) and (Y,)
    density : Boltzmann's, (X, Y); it integrates to 1
    committor : probability to reach disc B before disc A, (X, Y)
    t2, t3 : slowest times to relax
    below_half : probability of a committor below ½
    mfpt_ab : mean time from disc A, at equilibrium within, to disc B
    free_energy_difference : of disc B less that of disc A
    """

    x: Row
    y: Row
    density: Grid
    committor: Grid
    t2: Time | None
    t3: Time | None
    below_half: Annotated[float, Field(ge=0, le=1)]
    mfpt_ab: Time | None
    free_energy_difference: Annotated[float, Field(allow_inf_nan=False)]

    def committor_at(self, points: np.ndarray) -> np.ndarray:
        """The committor at `points` (..., 2), linear between centres, (...)."""
        lowest, highest = np.array([[self.x[0], self.y[0]], [self.x[-1], self.y[-1]]])
        return RegularGridInterpolator((self.x, self.y), self.committor)(np.clip(points, lowest, highest))

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Points of the density, (count, 2)."""
        weights = self.density.ravel() / self.density.sum()
        cells = np.unravel_index(rng.choice(weights.size, count, p=weights), self.density.shape)
        spacing = self.x[1] - self.x[0]
        centres = np.stack([self.x[cells[0]], self.y[cells[1]]], axis=-1)
        return centres + spacing * (rng.random((count, 2)) - 0.5)

    def save(self, path: str | Path) -> None:
        write_text(path, json.dumps({name: np.asarray(value).tolist() for name, value in vars(self).items()}) + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "Exact":
        cure = "delete it and prepare the surface again"
        found = parse_json(cls, read_text(path, "no such file; run `mdsnake prepare` first"), str(path), cure)
        if not (found.density.shape == found.committor.shape == (*found.x.shape, *found.y.shape)):
            raise UserError(f"{path}: density and committor are not of as many cells as x and y; {cure}")
        steps = np.concatenate([np.diff(found.x), np.diff(found.y)])
        if min(found.density.shape) < 2 or steps[0] <= 0 or not np.allclose(steps, steps[0]):
            raise UserError(f"{path}: x and y are not centres of square cells; {cure}")
        if not ((found.density >= 0).all() and found.density.sum() > 0):
            raise UserError(f"{path}: density: not one of cells; {cure}")
        if (abs(found.committor - 0.5) > 0.5 + 1e-6).any():
            raise UserError(f"{path}: committor: not a probability everywhere; {cure}")
        return found


def exact(
    surface: MuellerBrown2D, kT: float, spacing: float = SPACING, box: Sequence[tuple[float, float]] = BOX
) -> Exact:
    """The exact figures of overdamped dynamics on `surface`, from cells of `spacing` in `box`."""
    x, y = (low + spacing * (np.arange(round((high - low) / spacing)) + 0.5) for low, high in box)
    points = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    energy, state = surface.energy(points), surface.state(points).ravel()
    rates = generator(energy, spacing, kT)
    density = np.exp(-(energy - energy.min()) / kT)
    density /= density.sum() * spacing**2
    reached = committor(rates, state == 0, state == 1)
    t2, t3 = relaxation_times(rates, 2)
    times, weights = first_passage_time(rates, state == 1), density.ravel() * spacing**2
    populations = [_population(surface, centre, kT) for centre in (surface.A, surface.B)]
    return Exact(
        x=x,
        y=y,
        density=density,
        committor=reached.reshape(density.shape),
        t2=float(t2),
        t3=float(t3),
        below_half=float(weights[reached < 0.5].sum()),
        mfpt_ab=float(np.average(times[state == 0], weights=weights[state == 0])),
        free_energy_difference=float(kT * np.log(populations[0] / populations[1])),
    )


def _population(surface: MuellerBrown2D, centre: np.ndarray, kT: float) -> float:
    """∫ exp(−V/kT) over the disc round `centre`, by Gauss's rule along the radius and equal steps of the angle."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    radii = 0.5 * surface.RADIUS * (nodes + 1)
    angles = 2 * np.pi * np.arange(128) / 128
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    energy = surface.energy(centre + radii[:, None, None] * ways)
    return float((weights * radii) @ np.exp(-(energy - surface.energy(surface.A)) / kT).sum(1))
