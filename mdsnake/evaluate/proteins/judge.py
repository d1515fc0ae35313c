"""Chains one by one: geometry, shape, and the training protein that each is most like."""

from typing import Any

import numpy as np
from jaxtyping import Float

from mdsnake.evaluate.proteins.bands import BANDS, IN_BAND, LIMITS, TRANS_DEGREES, expected_radius
from mdsnake.evaluate.proteins.chains import Chain
from mdsnake.evaluate.proteins.internal import ANGLES, BONDS, CA, internal
from mdsnake.evaluate.proteins.likeness import nearest_rmsd, nearest_tm
from mdsnake.evaluate.proteins.natives import Chains
from mdsnake.evaluate.proteins.shape import clashes, radius_of_gyration, secondary_structure


def judge(chains: Chains, training: Chains | None = None) -> list[Chain]:
    """A row for each of the chains; beside the training proteins, where there are any."""
    return [_row(name, coords, training or {}) for name, coords in chains.items()]


def _row(name: str, coords: np.ndarray, training: Chains) -> Chain:
    numbers, failed = measure(coords)
    helix, strand = secondary_structure(coords)
    nearest, tm, rmsd = "", np.nan, np.nan
    if training and np.isfinite(coords).all():
        best, tm = nearest_tm(coords[:, CA], [other[:, CA] for other in training.values()])
        nearest = list(training)[best]
        rmsd = nearest_rmsd(coords[:, :3], [other[:, :3] for other in training.values()])
    told: dict[str, Any] = numbers | {"chain": name, "residues": len(coords), "helix": helix, "strand": strand}
    told |= {"nearest_training": nearest, "nearest_training_tm": tm, "nearest_training_rmsd_angstrom": rmsd}
    return Chain(valid=not failed, failed="; ".join(failed), **told)


def share_in_band(values: np.ndarray, kind: str) -> float:
    """Of the bonds or angles of a kind; what is not finite is not in it."""
    low, high = BANDS[kind]
    return float(((values >= low) & (values <= high)).mean())


def measure(coords_angstrom: Float[np.ndarray, "L 4 3"]) -> tuple[dict[str, float], list[str]]:
    """The numbers of a chain by name, and the checks that it fails."""
    found, ca = internal(coords_angstrom), coords_angstrom[:, 1].astype(float)
    shares = {kind: share_in_band(found[kind], kind) for kind in BANDS}
    radius = radius_of_gyration(ca)
    numbers = {
        "bonds_in_band": _pooled(found, shares, [kind for kind in BANDS if kind in BONDS]),
        "angles_in_band": _pooled(found, shares, [kind for kind in BANDS if kind in ANGLES]),
        "worst_in_band": min(shares.values()),
        "trans_share": float((np.abs(found["ω"]) > TRANS_DEGREES).mean()),
        "phi_positive": float((found["φ"] > 0).mean()),
        "clashes_per_100": 100 * clashes(ca) / len(ca),
        "rg_angstrom": radius,
        "rg_ratio": radius / expected_radius(len(ca)),
    }
    failed = [kind for kind, share in shares.items() if not share >= IN_BAND]
    failed += [name for name, (low, high) in LIMITS.items() if not low <= numbers[name] <= high]
    return numbers, failed


def _pooled(found: dict[str, np.ndarray], shares: dict[str, float], kinds: list[str]) -> float:
    counts = [len(found[kind]) for kind in kinds]
    return float(np.average([shares[kind] for kind in kinds], weights=counts))
