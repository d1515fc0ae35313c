"""What real domains look like, and whether a backbone does: a chain is valid where it passes every check.

Bands of bonds and angles are the 1st to 99th percentile of 58 domains; limits of a whole chain are beyond all but the
rarest of them.
"""

#: In Å and degrees.  O is built from the others by ideal geometry, so C=O has no band.
BANDS: dict[str, tuple[float, float]] = {
    "N–CA": (1.427, 1.497),
    "CA–C": (1.490, 1.559),
    "C–N": (1.301, 1.354),
    "CA–CA": (3.724, 3.874),
    "N–CA–C": (103, 119),
    "CA–C–N": (113, 120),
    "C–N–CA": (117, 126),
}
#: Share of each kind that has to lie in its band.
IN_BAND = 0.80
TRANS_DEGREES = 150
#: Lowest and highest value of a chain.  Of φ > 0 domains have 7 %, with a spread of 3 %, mirror images over 85 %.
LIMITS: dict[str, tuple[float, float]] = {
    "trans_share": (0.95, 1.0),
    "phi_positive": (0.0, 0.20),
    "clashes_per_100": (0.0, 2.0),
    "rg_ratio": (0.8, 1.4),
}


def expected_radius(length: int) -> float:
    """Radius of gyration in Å of a globular protein: 2.2 N^0.38 (Skolnick, Kolinski, Ortiz, J. Mol. Biol. 265, 217)."""
    return float(2.2 * length**0.38)
