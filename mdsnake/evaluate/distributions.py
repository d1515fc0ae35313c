"""How far the distributions of a trajectory are from those of a reference.

Bins are chosen on the reference alone, so a metric and its noise floor use the same ones; two open bins,
below and above, count whatever lies outside.
"""

import numpy as np

from mdsnake.evaluate.metrics import Mean

BINS = 60
TORSION_BINS = 72
PAIR_BINS = 200
RIGID_NM = 1e-5  # a length that varies less is held by a constraint


def histogram(values: np.ndarray, low: np.ndarray | float, high: np.ndarray | float, bins: int) -> np.ndarray:
    """Counts (M, bins + 2) of the columns of `values` (F, M); the first and last bin are open.

    Columns have equal bins between their `low` and `high` (M,); values that are not finite count as too high.
    """
    columns = values.shape[1]
    scaled = (values - low) / (np.asarray(high) - low) * bins
    index = np.floor(np.where(np.isfinite(scaled), scaled, bins + 1).clip(-1, bins + 1)).astype(int) + 1
    index[scaled == bins] = bins  # the upper edge belongs to the last closed bin
    flat = index.clip(0, bins + 1) + np.arange(columns) * (bins + 2)
    return np.bincount(flat.ravel(), minlength=columns * (bins + 2)).reshape(columns, bins + 2)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen–Shannon divergence (…,) in bits, 0 to 1, of counts (…, bins); the divergence, not its root.

    Lin, IEEE Trans. Inf. Theory 37, 145 (1991), eq. 4.1 with equal weights.
    """
    p = p / p.sum(axis=-1, keepdims=True)
    q = q / q.sum(axis=-1, keepdims=True)
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(r > 0, r * np.log2(r / middle), 0).sum(axis=-1) for r in (p, q)]
    return np.maximum((terms[0] + terms[1]) / 2, 0)


def mean_js(model: np.ndarray, reference: np.ndarray, bins: int = BINS) -> Mean:
    """Mean over M columns of the divergence between `model` (F, M) and `reference` (G, M)."""
    if reference.shape[1] == 0:
        return np.nan, 0
    low, high = _range(reference)
    divergence = jensen_shannon(histogram(model, low, high, bins), histogram(reference, low, high, bins))
    return float(divergence.mean()), len(divergence)


def torsion_js(model: np.ndarray, reference: np.ndarray) -> Mean:
    """Mean over T torsions of the divergence between dihedrals (F, T) and (G, T), radians, on the full circle."""
    if reference.shape[1] == 0:
        return np.nan, 0
    counts = [histogram(phi, -np.pi, np.pi, TORSION_BINS) for phi in (model, reference)]
    divergence = jensen_shannon(*counts)
    return float(divergence.mean()), len(divergence)


def rigid(model: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Which of the lengths (F, P) and (G, P), nm, are constrained in both, (P,): they have no distribution."""
    return (model.std(axis=0) < RIGID_NM) & (reference.std(axis=0) < RIGID_NM)


def bond_js(model: np.ndarray, reference: np.ndarray) -> Mean:
    """As `mean_js` of bond lengths in nm; constrained bonds are left out, and not counted."""
    free = ~rigid(model, reference)
    return mean_js(model[:, free], reference[:, free])


def bond_rmse(model: np.ndarray, reference: np.ndarray) -> Mean:
    """Root over B bonds of the mean square difference between mean lengths, pm, of lengths (F, B), (G, B) in nm."""
    if reference.shape[1] == 0:
        return np.nan, 0
    shift = model.mean(axis=0) - reference.mean(axis=0)
    return float(1e3 * np.sqrt(np.mean(shift**2))), len(shift)


def pair_distance_l1(model: np.ndarray, reference: np.ndarray) -> Mean:
    """∫|h − h_ref| dr, 0 to 2, of the distance distribution pooled over atom pairs, from distances (F, P), (G, P).

    Fu et al., "Forces are not enough", TMLR (2023), section 3.2 (there called h(r) error).
    Constrained pairs are left out.
    """
    free = ~rigid(model, reference)
    if not free.any():
        return np.nan, 0
    model, reference = model[:, free].reshape(-1, 1), reference[:, free].reshape(-1, 1)
    low, high = _range(reference)
    p, q = (histogram(r, low, high, PAIR_BINS)[0] / len(r) for r in (model, reference))
    return float(np.abs(p - q).sum()), int(free.sum())


def _range(reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    low, high = reference.min(axis=0), reference.max(axis=0)
    return low, np.where(high > low, high, low + 1e-12 + np.abs(low) * 1e-6)
