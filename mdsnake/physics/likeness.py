"""How alike the folds of two proteins are."""

import numpy as np
from jaxtyping import Float
from tmtools import tm_align

Trace = Float[np.ndarray, "L 3"]


def tm_score(chain: Trace, other: Trace) -> tuple[float, float]:
    """TM-scores (Zhang and Skolnick, Proteins 57, 702) of two CA traces in Å, by the length of each.

    TM-align finds the alignment; it needs no sequence.
    """
    first, second = (np.ascontiguousarray(one, dtype=np.float64) for one in (chain, other))
    found = tm_align(first, second, "A" * len(first), "A" * len(second))
    return float(found.tm_norm_chain1), float(found.tm_norm_chain2)
