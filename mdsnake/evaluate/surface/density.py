"""Where walkers are: densities on bins of a surface, and what they say of its basins."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from mdsnake.evaluate.distributions import jensen_shannon
from mdsnake.physics.generator import Exact

BIN = 0.1
#: Bins whose committor lies between tell of the way; of those, only what has so many frames is counted.
UNDECIDED = (0.05, 0.95)
FEWEST_FRAMES = 10


@dataclasses.dataclass(frozen=True)
class Bins:
    """Squares of about `BIN`, each of whole cells of the exact solution; the last bin holds all that lies outside.

    Attributes
    ----------
    x, y : edges, (X + 1,) and (Y + 1,)
    density : exact probability of each bin, (X · Y + 1,)
    committor : exact committor of each bin, the mean by density, (X · Y,)
    """

    x: Float[np.ndarray, " edges"]
    y: Float[np.ndarray, " rows"]
    density: Float[np.ndarray, " bins"]
    committor: Float[np.ndarray, " squares"]

    @classmethod
    def of(cls, exact: Exact) -> "Bins":
        cell = exact.x[1] - exact.x[0]
        width = max(1, round(BIN / cell))
        many = [len(axis) // width for axis in (exact.x, exact.y)]
        x, y = (
            axis[0] + cell * (width * np.arange(n + 1) - 0.5) for axis, n in zip((exact.x, exact.y), many, strict=True)
        )

        def merged(values: np.ndarray) -> np.ndarray:
            kept = values[: many[0] * width, : many[1] * width]
            return kept.reshape(many[0], width, many[1], width).sum((1, 3)).ravel()

        weight, weighted = merged(exact.density), merged(exact.density * exact.committor)
        total = exact.density.sum()
        plain = merged(exact.committor) / width**2
        committor = np.divide(weighted, weight, out=plain, where=weight > 0)
        return cls(x, y, np.append(weight, total - weight.sum()).clip(0) / total, committor)

    def index(self, points: Float[np.ndarray, "*any 2"]) -> Int[np.ndarray, "*any"]:
        """The bin of each point."""
        place = [np.searchsorted(edges, points[..., axis], "right") - 1 for axis, edges in enumerate((self.x, self.y))]
        rows, columns = len(self.x) - 1, len(self.y) - 1
        inside = (place[0] >= 0) & (place[0] < rows) & (place[1] >= 0) & (place[1] < columns)
        return np.where(inside & np.isfinite(points).all(-1), place[0] * columns + place[1], rows * columns)

    def counts(self, points: Float[np.ndarray, "*any 2"], weights: np.ndarray | None = None) -> np.ndarray:
        """How many points are in each bin."""
        flat = None if weights is None else weights.ravel()
        return np.bincount(self.index(points).ravel(), flat, minlength=len(self.density)).astype(float)

    def divergence(self, counts: Float[np.ndarray, " bins"]) -> float:
        """Jensen–Shannon divergence in bits between counts and the exact density."""
        return float(jensen_shannon(counts, self.density))

    def committor_error(
        self, counts: Float[np.ndarray, " bins"], reached_b: Float[np.ndarray, " bins"]
    ) -> tuple[float, int]:
        """Root mean square error of the share of frames that reach B next, over the bins on the way; and their number.

        `counts` are of the frames whose next basin is known, of which `reached_b` enter B.
        """
        way = (self.committor > UNDECIDED[0]) & (self.committor < UNDECIDED[1]) & (counts[:-1] >= FEWEST_FRAMES)
        if not way.any():
            return np.nan, 0
        error = reached_b[:-1][way] / counts[:-1][way] - self.committor[way]
        return float(np.sqrt(np.mean(error**2))), int(way.sum())


def free_energy_difference(basin: Int[np.ndarray, "*any"], kT: float, weights: np.ndarray | float = 1.0) -> float:
    """kT ln of how much more often walkers are in A than in B; infinite where they never are in one of them."""
    a, b = (float(np.sum(weights * (basin == state))) for state in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(kT * (np.log(a) - np.log(b)))
