"""Figures of one number per member and stride: one-jump error, lag-RMSD, flip rate, exactness, cost."""

import dataclasses
import itertools

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mdsnake.evaluate import style
from mdsnake.evaluate.aggregate import counted, held_out, select, spread, strides
from mdsnake.evaluate.metrics import METRICS
from mdsnake.evaluate.records import Record

FLOOR_HANDLE = Line2D([], [], color="black", lw=1.6, label="noise floor (two reference runs)")
WHISKERS = "Bars: median over molecules; whiskers: lowest and highest.\n"


@dataclasses.dataclass
class Look:
    """Of a panel of bars: `top` cuts the axis and writes what is higher; `mark` shades the values aimed at."""

    label: str
    log: bool = False
    top: float | None = None
    mark: tuple[float, float] | None = None
    floor: bool = True


def grouped(axes: Axes, records: list[Record], engine: str, styles: dict[str, style.Style], look: Look) -> None:
    """Bars in groups by stride, one for each member, with the floor of the group as a black line."""
    groups = strides(records, engine)
    width = 0.84 / len(styles)
    if look.mark:
        axes.axhspan(*look.mark, color=style.MARK, alpha=0.18, lw=0)
    for g, (k, _) in enumerate(groups):
        here = select(records, engine=engine, k=k)
        for m, (member, s) in enumerate(styles.items()):
            found = spread(select(here, member=member))
            x = g - 0.42 + (m + 0.5) * width
            if found is None:
                axes.text(x, 0.02, "–", ha="center", transform=axes.get_xaxis_transform(), color="#888888")
                continue
            axes.bar(x, found.median, 0.9 * width, color=s.colour, hatch=s.hatch, edgecolor="white", lw=0)
            if found.n > 1:
                axes.plot([x, x], [found.low, found.high], color="#333333", lw=0.9)
            if look.top and found.median > look.top:
                axes.text(x, look.top, f"{found.median:.3g}", ha="center", va="top", fontsize=7, rotation=90)
        base = spread(here, "floor")
        if base and look.floor:
            axes.fill_between([g - 0.44, g + 0.44], base.low, base.high, color="black", alpha=0.12, lw=0)
            axes.plot([g - 0.44, g + 0.44], [base.median] * 2, color="black", lw=1.6)
    axes.set_xticks(range(len(groups)), [f"k = {k}\n{fs:g} fs" for k, fs in groups])
    axes.grid(axis="x", visible=False)
    axes.set_ylabel(look.label)
    if look.log:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        axes.set_ylim(0.7 * low, 1.3 * high)
        style.plain_log(axes.yaxis)
    elif look.top:
        axes.set_ylim(0, min(look.top, axes.get_ylim()[1]))


def ratio_figure(records: list[Record], metric: str, title: str, look: Look, note: str) -> Figure:
    """One panel of bars for each engine."""
    rows, kind = held_out(select(records, metric=metric))
    if not rows:
        return style.message(title, f"no {METRICS[metric].title} in the summary")
    engines = sorted({r.engine for r in rows})
    styles = style.member_styles(r.member for r in rows)
    figure, [axes] = style.panels(1, len(engines), width=4.2, height=2.8)
    for a, engine in zip(axes, engines, strict=True):
        grouped(a, rows, engine, styles, look)
        a.set_title(engine)
    handles = [*style.bar_handles(styles), FLOOR_HANDLE]
    if look.mark:
        handles.append(Patch(color=style.MARK, alpha=0.18, label=f"mark {look.mark[0]:g}–{look.mark[1]:g}"))
    return style.finish(figure, title, f"{counted(rows, kind)}. {WHISKERS}{note}", handles)


def lag_rmsd(records: list[Record]) -> Figure:
    """Does a molecule move as far in one stride as it should?"""
    look = Look("lag-RMSD / reference", top=2.0, mark=(0.95, 1.05))
    return ratio_figure(
        records, "lag_rmsd_ratio", "Distance moved in one stride", look,
        "Mean superposed RMSD of frames one stride apart; 1 is right.",
    )  # fmt: skip


def flip_rate(records: list[Record]) -> Figure:
    """Do torsions change their wells as often as they should?"""
    flips = sum(r.n for r in held_out(select(records, metric="flip_rate_ratio"))[0])
    return ratio_figure(
        records, "flip_rate_ratio", "Torsion flips", Look("flip rate / reference", top=3.0),
        f"{flips} flips in all, between wells at −60, 60 and 180° (core ±30°); "
        "1 is right; –: no flip in the reference, so no ratio.",
    )  # fmt: skip


def cost(records: list[Record]) -> Figure:
    """Force calls and wall-clock time, side by side."""
    return side_by_side(
        records, [{"force_calls_per_ps": "force calls per ps", "ms_per_ps": "wall-clock ms per ps"}],
        "Cost of a simulated picosecond",
        "Fewer force calls help only where the network costs less than the forces it saves.",
    )  # fmt: skip


def efficiency(records: list[Record]) -> Figure:
    """What a force call and a second buy, side by side."""
    of_energy = {
        "ess_potential_per_force_call": "samples of U per force call",
        "ess_potential_per_second": "samples of U per second",
    }
    of_slowest = {
        "ess_per_force_call": "samples of the slowest per force call",
        "ess_per_second": "samples of the slowest per second",
    }
    return side_by_side(
        records, [of_energy, of_slowest], "Independent samples for what they cost",
        "U: potential energy;\nslowest: of U and all torsions; –: walkers too short to tell. "
        "A member that samples the wrong distribution may do so fast.",
    )  # fmt: skip


def side_by_side(records: list[Record], kinds: list[dict[str, str]], title: str, note: str) -> Figure:
    """For each engine the rows `kinds`, of a logarithmic panel for each metric, with its label."""
    labels = {metric: label for row in kinds for metric, label in row.items()}
    rows, kind = held_out([r for r in records if r.metric in labels])
    if not rows:
        return style.message(title, f"no {METRICS[next(iter(labels))].title} in the summary")
    engines = sorted({r.engine for r in rows})
    styles = style.member_styles(r.member for r in rows)
    figure, grid = style.panels(len(engines) * len(kinds), len(kinds[0]), width=4.2, height=2.5)
    for axes, (engine, row) in zip(grid, itertools.product(engines, kinds), strict=True):
        for a, (metric, label) in zip(axes, row.items(), strict=True):
            grouped(a, select(rows, metric=metric), engine, styles, Look(label, log=True))
            a.set_title(f"{engine}: {label}")
    reference = Line2D([], [], color="black", lw=1.6, label="reference integrator")
    return style.finish(
        figure, title, f"{counted(rows, kind)}. {WHISKERS}Logarithmic; all measured in one run. {note}",
        [*style.bar_handles(styles), reference],
    )  # fmt: skip


def exactness(records: list[Record]) -> Figure:
    """Do members with a Metropolis test sample what they should, and what does it cost their motion?"""
    looks = {
        "accepted_fraction": Look("jumps accepted", floor=False),
        "energy_error_spread": Look("σ(ΔH) / kT", floor=False, top=10.0),
        "boltzmann_factor": Look("⟨exp(−ΔH/kT)⟩ − 1", floor=False),
        "effective_friction": Look("effective friction / ps⁻¹", floor=False, log=True),
    }
    title, tested = "Exact members", {r.member for r in records if r.metric == "boltzmann_factor"}
    rows, kind = held_out([r for r in records if r.metric in looks and r.member in tested])
    if not rows:
        return style.message(title, "no member with a Metropolis test in the summary")
    rows = [r._replace(value=r.value - 1) if r.metric == "boltzmann_factor" else r for r in rows]
    engines = sorted({r.engine for r in rows})
    styles = style.member_styles(r.member for r in rows)
    figure, grid = style.panels(len(looks), len(engines), width=4.2, height=2.1)
    for axes, (metric, look) in zip(grid, looks.items(), strict=True):
        for a, engine in zip(axes, engines, strict=True):
            grouped(a, select(rows, metric=metric), engine, styles, look)
            if metric == "boltzmann_factor":
                errors = spread(select(records, engine=engine, metric="boltzmann_factor_error"))
                wide = 3 * errors.median if errors else 0.0
                a.axhspan(-wide, wide, color=style.MARK, alpha=0.18, lw=0, zorder=0)
                a.axhline(0, color=style.MARK, lw=1)
                a.set_ylim(max(a.get_ylim()[0], -1), min(a.get_ylim()[1], 1))
    for a, engine in zip(grid[0], engines, strict=True):
        a.set_title(engine)
    band = Patch(color=style.MARK, alpha=0.18, label="three standard errors (median run)")
    return style.finish(
        figure, title,
        f"{counted(rows, kind)}. {WHISKERS}A walker that is refused to the last turns round, which acts as friction; "
        "–: no such run.", [*style.bar_handles(styles), band],
    )  # fmt: skip


def one_jump_error(records: list[Record]) -> Figure:
    """How wrong is one jump, as it gets longer?"""
    kinds = {"jump_position_pm": "position error / pm", "jump_velocity_relative": "velocity error / thermal velocity"}
    title = "Error of a single jump"
    rows, kind = held_out([r for r in records if r.metric in kinds])
    if not rows:
        return style.message(title, "no jump errors in the summary")
    engines = sorted({r.engine for r in rows})
    styles = style.member_styles(r.member for r in rows)
    figure, grid = style.panels(2, len(engines), width=3.8)
    for axes, (metric, label) in zip(grid, kinds.items(), strict=True):
        for a, engine in zip(axes, engines, strict=True):
            here = select(rows, engine=engine, metric=metric)
            for offset, (member, s) in enumerate(styles.items()):
                steps = [(fs, spread(select(here, member=member, k=k))) for k, fs in strides(here, engine)]
                kept = [(fs * (1 + 0.015 * offset), found) for fs, found in steps if found]
                if kept:
                    x, y = [fs for fs, _ in kept], [found.median for _, found in kept]
                    whiskers = [[f.median - f.low for _, f in kept], [f.high - f.median for _, f in kept]]
                    look = {"color": s.colour, "ls": s.dash, "lw": s.width, "marker": s.marker}
                    a.errorbar(x, y, whiskers, ms=5, elinewidth=0.8, **look)
            ticks = strides(here, engine)
            a.set_xscale("log")
            a.set_yscale("log")
            a.set_xticks([fs for _, fs in ticks], [f"k = {k}\n{fs:g} fs" for k, fs in ticks])
            a.set_xticks([], minor=True)
            style.plain_log(a.yaxis)
            a.set_ylabel(label)
            a.set_title(engine)
    windows = sum(r.n for r in select(rows, metric="jump_position_pm", member=next(iter(styles))))
    return style.finish(
        figure, title,
        f"{counted(rows, kind)}, {windows} windows of NVE dynamics per member.\n"
        "Points: median over molecules; whiskers: lowest and highest. zero: nothing moves; ballistic: one Verlet step.",
        style.line_handles(styles, markers=True),
    )  # fmt: skip
