"""Means over chains: the numbers of tables and benchmarks."""

from collections.abc import Iterator, Sequence

import numpy as np

from mdsnake.evaluate.metrics import Mean
from mdsnake.evaluate.proteins.chains import Chain
from mdsnake.evaluate.proteins.internal import CA
from mdsnake.evaluate.proteins.likeness import pairwise_tm
from mdsnake.evaluate.proteins.metrics import ALL, GEOMETRY, METRICS, VALID
from mdsnake.evaluate.proteins.natives import Chains
from mdsnake.evaluate.records import Score

#: Chains of which all pairs are compared.
MOST_COMPARED = 32
#: A sample that is so near to a training protein is that protein.
FOUND_ANGSTROM = 1.0


def geometry(rows: Sequence[Chain]) -> dict[str, Mean]:
    """Means over chains, each residue counting alike."""
    weights = [row.residues for row in rows]
    found = {name: (_mean([getattr(row, name) for row in rows], weights), len(rows)) for name in GEOMETRY}
    return found | {"valid_fraction": (_mean([row.valid for row in rows]), len(rows))}


def likeness(rows: Sequence[Chain], pairwise: np.ndarray) -> dict[str, Mean]:
    """How like the training proteins, and each other, chains are."""
    upper = pairwise[np.triu_indices(len(pairwise), 1)]
    rmsd = [row.nearest_training_rmsd_angstrom for row in rows if np.isfinite(row.nearest_training_rmsd_angstrom)]
    return {
        "nearest_training_tm": (_mean([row.nearest_training_tm for row in rows]), len(rows)),
        "pairwise_tm": (_mean(upper), len(upper)),
        "nearest_training_rmsd": (float(np.median(rmsd)) if rmsd else np.nan, len(rmsd)),
    }


def covered(rows: Sequence[Chain], proteins: int) -> dict[str, Mean]:
    """Of so many training proteins, the share that is the nearest of some sample, and hardly off."""
    found = {row.nearest_training for row in rows if row.nearest_training_rmsd_angstrom <= FOUND_ANGSTROM}
    return {"covered": (len(found) / proteins, proteins)}


def compared(coords: Chains, rows: Sequence[Chain]) -> tuple[dict[str, dict[str, Mean]], np.ndarray]:
    """`likeness` of all chains and of the valid ones, and TM-scores of all pairs of the first of them, (n, n)."""
    some = [one[:, CA] for one in list(coords.values())[:MOST_COMPARED]]
    pairwise = pairwise_tm(some) if all(np.isfinite(one).all() for one in some) else np.full([len(some)] * 2, np.nan)
    valid = [i for i, row in enumerate(rows) if row.valid]
    kept = [i for i in valid if i < len(some)]
    return {
        ALL: likeness(rows, pairwise),
        VALID: likeness([rows[i] for i in valid], pairwise[np.ix_(kept, kept)]),
    }, pairwise


def scored(
    member: str, how: str, seed: int, found: dict[str, Mean], floors: dict[str, Mean] | None = None
) -> Iterator[Score]:
    """Rows of the summary; `floors` are the same numbers of natives."""
    for name, (value, n) in found.items():
        floor = (floors or {}).get(name, (np.nan, 0))[0]
        yield Score("proteins", member, how, seed, name, value, floor, n, METRICS[name].unit)


def _mean(values: Sequence[float] | np.ndarray, weights: Sequence[float] | None = None) -> float:
    return float(np.average(values, weights=weights)) if len(values) else np.nan
