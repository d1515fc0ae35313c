"""What a Metropolis test says of a run, and what its refusals do to the motion."""

import numpy as np

from mdsnake.evaluate.autocorrelation import standard_error
from mdsnake.evaluate.metrics import Mean
from mdsnake.families.kstep.exact import NOT_EVALUATED, effective_friction
from mdsnake.store.h5md import Trajectory
from mdsnake.units import BOLTZMANN

MOST_EXPONENT = 700.0  # of a number in double precision


def exactness(trajectory: Trajectory, temperature: float) -> dict[str, Mean]:
    """Of the jumps that were proposed; nothing for a run without a Metropolis test.  `temperature` in K."""
    if trajectory.energy_error is None or trajectory.jumps is None:
        return {}
    gain = trajectory.energy_error.astype(float) / (BOLTZMANN * temperature)
    evaluated = trajectory.energy_error < NOT_EVALUATED
    factors = np.exp(np.minimum(-gain, MOST_EXPONENT))
    thermostat = trajectory.provenance.get("chosen", {}).get("friction_per_ps", np.nan)
    found = {
        "energy_error_spread": float(gain[evaluated].std()) if evaluated.any() else np.nan,
        "boltzmann_factor": float(factors.mean()),
        "boltzmann_factor_error": standard_error(factors, trajectory.segments()),
        "turned_fraction": float(np.mean(trajectory.jumps == 0)),
        "effective_friction": effective_friction(thermostat, trajectory.jumps, trajectory.frame_ps),
    }
    return {name: (value, trajectory.n_frames) for name, value in found.items()}
