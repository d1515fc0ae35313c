"""How alike two chains are: TM-score, and RMSD after superposition."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mdsnake.evaluate.geometry import aligned_rmsd
from mdsnake.physics.likeness import Trace, tm_score


def nearest_tm(chain: Trace, others: Sequence[Trace]) -> tuple[int, float]:
    """Which of the others is most like `chain`, by the TM-score of its length."""
    scores = [tm_score(chain, other)[0] for other in others]
    best = int(np.argmax(scores))
    return best, scores[best]


def pairwise_tm(chains: Sequence[Trace]) -> Float[np.ndarray, "n n"]:
    """Of all pairs, the higher of both scores."""
    scores = np.eye(len(chains))
    for i, chain in enumerate(chains):
        for j in range(i):
            scores[i, j] = scores[j, i] = max(tm_score(chain, chains[j]))
    return scores


def nearest_rmsd(chain: Float[np.ndarray, "L 3 3"], others: Sequence[Float[np.ndarray, "_ 3 3"]]) -> float:
    """RMSD in Å of N, CA and C to the nearest stretch of as many residues of the others; NaN where all are shorter."""
    length = len(chain)
    stretches = [other[start : start + length] for other in others for start in range(len(other) - length + 1)]
    if not stretches:
        return np.nan
    targets = np.stack(stretches).reshape(len(stretches), -1, 3).astype(float)
    mobile = np.broadcast_to(chain.reshape(1, -1, 3).astype(float), targets.shape)
    return float(aligned_rmsd(mobile, targets).min())
