"""What a Metropolis test says of a run, and what its refusals do to the motion."""

import numpy as np

from mdsnake.evaluate.autocorrelation import standard_error
from mdsnake.evaluate.metrics import Mean
from mdsnake.families.kstep.exact import NOT_EVALUATED
from mdsnake.store.h5md import Trajectory
from mdsnake.units import BOLTZMANN

MOST_EXPONENT = 700.0  # of a number in double precision


def exactness(trajectory: Trajectory, temperature: float) -> dict[str, Mean]:
    """Of the jumps that were proposed; nothing for a run without a Metropolis test.  `temperature` in K."""
    if trajectory.energy_error is None or trajectory.accepted is None:
        return {}
    gain = trajectory.energy_error.astype(float) / (BOLTZMANN * temperature)
    evaluated = trajectory.energy_error < NOT_EVALUATED
    factors = np.exp(np.minimum(-gain, MOST_EXPONENT))
    refused = 1 - float(np.mean(trajectory.accepted))
    thermostat = trajectory.provenance.get("chosen", {}).get("friction_per_ps", np.nan)
    found = {
        "energy_error_spread": float(gain[evaluated].std()) if evaluated.any() else np.nan,
        "boltzmann_factor": float(factors.mean()),
        "boltzmann_factor_error": standard_error(factors, trajectory.segments()),
        "turned_fraction": refused,
        "effective_friction": effective_friction(thermostat, refused, trajectory.frame_ps),
    }
    return {name: (value, trajectory.n_frames) for name, value in found.items()}


def effective_friction(thermostat_per_ps: float, refused: float, lag_ps: float) -> float:
    """Friction in 1/ps of the Langevin dynamics by which a free particle would spread as fast as by jumps of `lag_ps`.

    A free particle of velocity v moves vτ in a jump that is taken, and not in one that is refused, of which there are
    r, each on its own; it then goes back.  The thermostat leaves q = exp(−γτ) of the velocity from jump to jump.  With
    s the sign that refusals have given to the velocity and a = 1 − r, displacements d of jumps n apart have

        ⟨d₀ dₙ⟩ = a² (1 − 2r)ⁿ⁻¹ qⁿ τ² kT/m,        ⟨d₀²⟩ = a τ² kT/m

    as jumps 0 and n must both be taken, and each of those between keeps the sign if taken, turns it if refused.  Their
    sum, D τ = ⟨d₀²⟩/2 + Σₙ ⟨d₀ dₙ⟩, is the diffusion constant, and friction is kT/(mD).  Without refusals that is γ
    (to order (γτ)²), without thermostat 2r/(aτ).
    """
    taken, kept = 1 - refused, np.exp(-thermostat_per_ps * lag_ps)
    path = taken / 2 + taken**2 * kept / (1 - (1 - 2 * refused) * kept) if refused or kept < 1 else np.inf
    return float(1 / (lag_ps * path)) if path > 0 else np.inf
