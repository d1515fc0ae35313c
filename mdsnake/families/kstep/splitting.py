"""When the learned force kicks: blocks of three drifts, which err far less in energy than as many steps of Verlet.

The coefficients are those that bound the energy error of oscillators best for steps as long as are used (Blanes,
Casas & Sanz-Serna, SIAM J. Sci. Comput. 36, A1556 (2014)).
"""

from mdsnake.families.kstep.config import STAGES

FIRST_DRIFT, FIRST_KICK = 0.29619504261126, 0.11888010966548
DRIFTS = (FIRST_DRIFT, 1 - 2 * FIRST_DRIFT, FIRST_DRIFT)
KICKS = (FIRST_KICK, 0.5 - FIRST_KICK, 0.5 - FIRST_KICK, FIRST_KICK)


def splitting(drifts: int) -> tuple[list[float], list[float]]:
    """Lengths of n drifts, and of the n + 1 kicks before, between and after them, as shares of the jump.

    Both read the same from either end.
    """
    blocks = drifts // STAGES
    kicks = [0.0] * (drifts + 1)
    for block in range(blocks):
        for index, kick in enumerate(KICKS):
            kicks[STAGES * block + index] += kick / blocks
    return [drift / blocks for drift in DRIFTS * blocks], kicks
