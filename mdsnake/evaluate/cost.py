"""What a simulated picosecond costs, and what it buys."""

from pathlib import Path

import numpy as np

from mdsnake.errors import UserError
from mdsnake.evaluate.autocorrelation import effective_samples, is_settled
from mdsnake.evaluate.metrics import Mean
from mdsnake.inputs import read_rows
from mdsnake.store.h5md import Trajectory

REASONS = ("nonfinite", "bond", "kinetic", "potential", "energy")


def per_ps(trajectory: Trajectory, counter: str) -> float:
    """A counter per simulated ps; NaN where it was not kept.

    A roll-out's cover the way to its first frames as well, and tell the time that they are of.
    """
    time = trajectory.counters.get("counted_ps", trajectory.simulated_ps)
    return trajectory.counters.get(counter, np.nan) / time if time > 0 else np.nan


def calls_and_time(model: Trajectory, reference: Trajectory) -> dict[str, Mean]:
    """Calls by kind and milliseconds per simulated ps, and how many times less than the reference that is."""
    segments = len(np.unique(model.segment))
    found = {f"{kind}_calls_per_ps": per_ps(model, f"{kind}_calls") for kind in ("force", "energy", "network")}
    found["ms_per_ps"] = per_ps(model, "total_ms")
    found["force_call_saving"] = _over(per_ps(reference, "force_calls"), found["force_calls_per_ps"])
    found["wall_clock_speedup"] = _over(per_ps(reference, "total_ms"), found["ms_per_ps"])
    return {name: (value, segments) for name, value in found.items()}


def jump_outcomes(trajectory: Trajectory) -> dict[str, Mean]:
    """Fractions of jumps accepted and fallen back, rejected tries per jump by reason, and the mean projection."""
    counters = trajectory.counters
    jumps = counters.get("jumps", 0)
    names = {"accepted_fraction": "accepted", "fallback_fraction": "fallbacks"}
    names |= {f"rejected_{reason}": f"rejected_{reason}" for reason in REASONS}
    found = {name: counters.get(counter, 0) / jumps if jumps else np.nan for name, counter in names.items()}
    found["projection_position"] = counters.get("projection_rms_nm", np.nan) * 1e3
    found["projection_velocity"] = counters.get("projection_rms_nm_per_ps", np.nan)
    lost = counters.get("lost", 0 if jumps else np.nan) / trajectory.n_frames  # of members without checks as well
    return {name: (value, int(jumps)) for name, value in found.items()} | {"lost_fraction": (lost, trajectory.n_frames)}


def effective_sample_size(sample: Trajectory, dihedrals: np.ndarray, whole: Trajectory) -> dict[str, Mean]:
    """Independent samples, also per force call and per second: the least of U, and cos φ, sin φ of `dihedrals` (F, T).

    The slowest of them decides how well a run has sampled.  NaN where segments are too short to tell: for torsions they
    are so long before they are for U alone.
    `sample` may be a part of the run `whole`, which holds the counters; its share of them goes by simulated time.
    """

    def samples(series: np.ndarray) -> float:
        settled = is_settled(series, sample.segments())
        return effective_samples(series, sample.segments()) if settled else np.nan

    of_potential = samples(sample.potential)
    least = float(np.min([of_potential, *map(samples, [*np.cos(dihedrals).T, *np.sin(dihedrals).T])]))
    found = {}
    for name, size in (("ess", least), ("ess_potential", of_potential)):
        found[name] = size
        found[f"{name}_per_force_call"] = _over(size, per_ps(whole, "force_calls") * sample.simulated_ps)
        found[f"{name}_per_second"] = _over(1e3 * size, per_ps(whole, "total_ms") * sample.simulated_ps)
    return {name: (value, sample.n_frames) for name, value in found.items()}


def setup_seconds(trajectory: Trajectory) -> float:
    """Of pilots and of compiling, before the first frame."""
    return 1e-3 * trajectory.counters.get("setup_ms", 0.0)


def break_even_ps(model: Trajectory, reference: Trajectory, preparation_s: float) -> float:
    """Simulated ps after which `preparation_s`, seconds spent before the first frame, are won back.

    NaN when never: where a ps takes no less time than the reference's.
    """
    saved_s = (per_ps(reference, "total_ms") - per_ps(model, "total_ms")) / 1e3
    return preparation_s / saved_s if saved_s > 0 else np.nan


def preparation_seconds(history: Path | None) -> float:
    """Seconds of training and of making the data, from the columns `seconds` and `data_seconds` of `history`.

    Both are running totals, so the largest counts.  Zero without a history (a control needs neither),
    NaN where the history does not tell both.
    """
    if history is None:
        return 0.0
    columns = read_history(history)
    nothing = np.zeros(0)
    return sum(float(np.fmax.reduce(columns.get(c, nothing), initial=np.nan)) for c in ("seconds", "data_seconds"))


def read_history(path: str | Path) -> dict[str, np.ndarray]:
    """Columns of a training's CSV, NaN where a cell is empty."""
    rows = read_rows(path, "no such training history; train the member first")
    try:
        return {name: np.array([float(row[name] or "nan") for row in rows]) for name in (rows[0] if rows else ())}
    except ValueError as error:
        raise UserError(f"{path}: not a training history ({error}); delete it and train again") from error


def _over(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else np.nan
