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


def effective_friction(thermostat_per_ps: float, jumps: np.ndarray, lag_ps: float) -> float:
    """Friction in 1/ps of the Langevin dynamics by which a free particle would spread as fast as by jumps of `lag_ps`.

    A free particle of velocity v moves l v τ where l of its `jumps` are taken, and not where it is turned round, l = 0,
    each time on its own.  The thermostat leaves q = exp(−γτ) of the velocity from one time to the next.  With r the
    share of turns, displacements d that are n times apart have

        ⟨d₀ dₙ⟩ = ⟨l⟩² (1 − 2r)ⁿ⁻¹ qⁿ τ² kT/m,        ⟨d₀²⟩ = ⟨l²⟩ τ² kT/m

    as each time in between keeps the sign of the velocity if taken, and turns it if not.  With a mean duration of
    T = (⟨l⟩ + r) τ, the diffusion constant D is (⟨d₀²⟩/2 + Σₙ ⟨d₀ dₙ⟩)/T, and friction kT/(mD).  Without turns, and
    with l = 1, that is γ (to order (γτ)²); without thermostat 2r/((1 − r)τ).
    """
    turned, kept = float(np.mean(jumps == 0)), np.exp(-thermostat_per_ps * lag_ps)
    length, square = float(np.mean(jumps)), float(np.mean(np.square(jumps, dtype=float)))
    path = square / 2 + length**2 * kept / (1 - (1 - 2 * turned) * kept) if turned or kept < 1 else np.inf
    return float((length + turned) / (lag_ps * path)) if path else np.inf
