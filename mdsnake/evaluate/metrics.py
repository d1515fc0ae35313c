"""Every metric: its unit, its ideal, what its n counts and what it means.  Captions and tables read it here."""

from collections.abc import Callable
from typing import NamedTuple

from ase.data import chemical_symbols

Mean = tuple[float, int]  # a value, and the number of things it is the mean over


class Mark(NamedTuple):
    """What a value, given its noise floor, should reach."""

    text: str
    met: Callable[[float, float], bool]

    def verdict(self, met: bool) -> tuple[str, str]:
        """The kind of a table's cell, and what its note says."""
        return ("met", f"✓ met: {self.text}") if met else ("missed", f"✗ missed: {self.text}")


class Metric(NamedTuple):
    """`ideal` is None where the value has no target; `over` says what n counts."""

    unit: str
    ideal: float | None
    over: str
    title: str
    description: str
    mark: Mark | None = None

    @property
    def heading(self) -> str:
        """Of a column."""
        return self.title + (f" / {self.unit}" if self.unit != "1" else "")

    @property
    def meaning(self) -> str:
        """For a glossary."""
        return f"{self.description}; n counts {self.over}"


def within(low: float, high: float) -> Mark:
    return Mark(f"{low:g}–{high:g}", lambda value, floor: low - 1e-12 <= value <= high + 1e-12)


def floors(times: float) -> Mark:
    return Mark(f"≤ {times:g} × floor", lambda value, floor: value <= times * floor)


_REASONS = {
    "nonfinite": "a coordinate was not finite, or the potential could not be evaluated",
    "bond": "a bond was stretched too far",
    "kinetic": "the kinetic energy was too high",
    "potential": "the potential energy changed too much",
    "energy": "the energy check refused it",
}

METRICS: dict[str, Metric] = {
    "bond_js": Metric(
        "bit", 0, "bonds", "bond JS",
        "Jensen–Shannon divergence (base 2) of bond lengths, mean over the bonds that no constraint holds",
        floors(2),
    ),
    "angle_js": Metric(
        "bit", 0, "angles", "angle JS",
        "Jensen–Shannon divergence (base 2) of bond angles, mean over angles",
    ),
    "torsion_js": Metric(
        "bit", 0, "torsions", "torsion JS",
        "Jensen–Shannon divergence (base 2) of dihedrals about rotatable bonds, mean over torsions",
    ),
    "potential_js": Metric(
        "bit", 0, "frames", "energy JS",
        "Jensen–Shannon divergence (base 2) of the potential energy",
    ),
    "pair_distance_l1": Metric(
        "1", 0, "atom pairs", "pair L1",
        "integrated absolute difference, 0 to 2, of the distribution of all distances between atoms",
    ),
    "bond_rmse": Metric("pm", 0, "bonds", "bond RMSE", "root mean square difference of the mean bond lengths"),
    "potential_shift": Metric(
        "kJ/mol", 0, "frames", "energy shift",
        "mean potential energy less that of the reference",
    ),
    "potential_shift_error": Metric(
        "kJ/mol", None, "independent samples", "energy shift s.e.",
        "standard error of the energy shift, from the autocorrelation of both runs",
    ),
    "ke_ratio": Metric(
        "1", 1, "frames", "KE ratio",
        "mean kinetic energy over that of equipartition, (degrees of freedom)·kT/2",
        within(0.98, 1.02),
    ),
    "ke_ratio_error": Metric(
        "1", None, "independent samples", "KE ratio s.e.",
        "standard error of the kinetic energy ratio, from its autocorrelation",
    ),
    "ke_ratio_reference": Metric(
        "1", 1, "frames", "KE / reference",
        "mean kinetic energy over that of the reference",
    ),
    **{
        f"temperature_{symbol}": Metric(
            "K", None, "frames", f"T({symbol})",
            f"kinetic temperature of the {symbol} atoms; the target is the thermostat's",
        )
        for symbol in chemical_symbols[1:]
    },
    "lag_rmsd": Metric(
        "pm", None, "pairs of frames", "lag-RMSD",
        "mean RMSD, superposed, between frames one stride apart; with a test, those of jumps taken at once",
    ),
    "lag_rmsd_ratio": Metric(
        "1", 1, "pairs of frames", "lag-RMSD ratio",
        "lag-RMSD over that of the reference at the same lag", within(0.95, 1.05),
    ),
    "lag_rmsd_ratio_10": Metric(
        "1", 1, "pairs of frames", "lag-RMSD ratio, 10 strides",
        "the same for frames ten strides apart",
    ),
    "torsion_step_ratio": Metric(
        "1", 1, "pairs of frames", "torsion step ratio",
        "mean change of a dihedral in one stride over that of the reference",
    ),
    "torsion_step_ratio_10": Metric(
        "1", 1, "pairs of frames", "torsion step ratio, 10 strides",
        "the same for ten strides",
    ),
    "flip_rate": Metric(
        "1/ps", None, "flips", "flips",
        "changes between the wells at −60, 60 and 180° (core ±30°) per ps of the dynamics and torsion",
    ),
    "flip_rate_ratio": Metric("1", 1, "flips", "flip ratio", "flip rate over that of the reference"),
    "torsion_time": Metric(
        "ps", None, "torsions", "torsion time",
        "integrated autocorrelation time of exp(iφ), mean over torsions",
    ),
    "torsion_time_ratio": Metric(
        "1", 1, "torsions", "torsion time ratio",
        "torsion autocorrelation time over that of the reference",
    ),
    **{
        f"vdos_shift_{rank}": Metric(
            "1/cm", 0, "segments", f"VDOS shift {rank}",
            f"shift of the peak nearest to the reference's peak number {rank} by height",
        )
        for rank in (1, 2, 3)
    },
    "nve_drift": Metric(
        "kJ/mol/ps", 0, "segments", "NVE drift",
        "slope of the total energy without thermostat, raw, mean of linear fits",
    ),
    "nve_drift_error": Metric(
        "kJ/mol/ps", None, "segments", "NVE drift s.e.",
        "standard error of the drift over segments",
    ),
    "nve_drift_per_atom": Metric("meV/atom/ps", 0, "segments", "NVE drift per atom", "the drift in meV per atom"),
    "force_calls_per_ps": Metric(
        "1/ps", None, "segments", "force calls/ps",
        "evaluations of energy and forces per simulated ps",
    ),
    "energy_calls_per_ps": Metric(
        "1/ps", None, "segments", "energy calls/ps",
        "evaluations of the energy alone per simulated ps",
    ),
    "network_calls_per_ps": Metric(
        "1/ps", None, "segments", "network calls/ps",
        "jumps that a network proposed per simulated ps, each by several evaluations of its force",
    ),
    "ms_per_ps": Metric("ms/ps", None, "segments", "ms/ps", "wall-clock time per simulated ps"),
    "force_call_saving": Metric(
        "1", None, "segments", "force calls saved",
        "how many times fewer force calls than the reference integrator",
    ),
    "wall_clock_speedup": Metric(
        "1", None, "segments", "wall-clock speed-up",
        "how many times less wall-clock time than the reference integrator",
    ),
    "accepted_fraction": Metric("1", 1, "jumps", "accepted", "jumps that passed every check at once"),
    "energy_error_spread": Metric(
        "kT", 0, "jumps", "σ(ΔH)",
        "standard deviation of the change of the total energy in a proposed jump, of those that could be evaluated",
    ),
    "boltzmann_factor": Metric(
        "1", 1, "jumps", "⟨exp(−ΔH/kT)⟩",
        "mean Boltzmann factor of the change of the total energy in a proposed jump; 1 where the move keeps volume,"
        " its starts are thermal and its ends can be evaluated",
    ),
    "boltzmann_factor_error": Metric(
        "1", None, "jumps", "⟨exp(−ΔH/kT)⟩ s.e.",
        "standard error of the mean Boltzmann factor, from its autocorrelation",
    ),
    "turned_fraction": Metric(
        "1", 0, "frames", "turned round",
        "frames at which refused jumps left the molecule where it was and turned its velocities round",
    ),
    "effective_friction": Metric(
        "1/ps", None, "frames", "effective friction",
        "friction at which Langevin dynamics would spread a free particle as fast: the thermostat's, and what"
        " turned velocities add to it",
    ),
    "fallback_fraction": Metric("1", 0, "jumps", "fell back", "jumps replaced by the reference integrator"),
    "lost_fraction": Metric(
        "1", 0, "jumps", "lost",
        "jumps after which nothing could go on, not even the reference integrator where there is a fall-back, so that"
        " the frame was repeated",
    ),
    **{
        f"rejected_{reason}": Metric(
            "1/jump", 0, "jumps", f"rejected: {reason}",
            f"tries per jump refused because {why}",
        )
        for reason, why in _REASONS.items()
    },
    "projection_position": Metric(
        "pm", 0, "jumps", "constraint shift",
        "root mean square displacement that put rigid bonds back to length",
    ),
    "projection_velocity": Metric(
        "nm/ps", 0, "jumps", "constraint velocity",
        "root mean square velocity along rigid bonds that was taken out",
    ),
    "ess": Metric(
        "samples", None, "frames", "ESS",
        "effective sample size: the least over potential energy and torsions; none where one of them takes so long to"
        " forget that walkers are too short to tell",
    ),
    "ess_potential": Metric(
        "samples", None, "frames", "ESS of U",
        "effective sample size of the potential energy alone, which settles long before torsions do",
    ),
    "ess_per_force_call": Metric("1", None, "frames", "ESS per force call", "effective samples per force call"),
    "ess_per_second": Metric(
        "1/s", None, "frames", "ESS per second",
        "effective samples per second of wall-clock time",
    ),
    "ess_potential_per_force_call": Metric(
        "1", None, "frames", "ESS of U per force call",
        "effective samples of the potential energy per force call",
    ),
    "ess_potential_per_second": Metric(
        "1/s", None, "frames", "ESS of U per second",
        "effective samples of the potential energy per second of wall-clock time",
    ),
    "setup": Metric("s", 0, "runs", "setup", "pilots and compiling before the first frame, in no other time"),
    "break_even": Metric(
        "ps", None, "runs", "break-even",
        "simulated time after which trainings (also the one that a training started from, but none of another run), "
        "their data, pilots and compiling are won back against the reference integrator; none when never",
    ),
    "jump_position_pm": Metric(
        "pm", 0, "windows", "jump position error",
        "root mean square error of an atom's position after one jump",
    ),
    "jump_velocity_relative": Metric(
        "1", 0, "windows", "jump velocity error",
        "root mean square velocity error after one jump over the thermal velocity",
    ),
    "jump_energy_median": Metric(
        "kT", 0, "windows", "jump energy error",
        "median absolute change of the total energy in one jump",
    ),
    "jump_acceptance": Metric(
        "1", 1, "windows", "jump acceptance",
        "mean of min(1, exp(−ΔH/kT)) over single jumps from thermal states",
    ),
    "jump_momentum_relative": Metric(
        "1", 0, "windows", "jump momentum change",
        "largest change of total momentum in one jump over the sum of the atoms' momenta",
    ),
    "reversibility_pm": Metric(
        "pm", 0, "walkers", "reversibility defect",
        "distance from the start after a jump, a reversal of velocities and another jump",
    ),
}  # fmt: skip
