"""Figures of slices, attention and densities, drawn from the curves of evaluated models; of the first seed each."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mdsnake.evaluate import style
from mdsnake.evaluate.records import Score
from mdsnake.evaluate.surface.drawings import Drawing

MOST_COLUMNS = 4


def first_seeds(drawings: Sequence[Drawing]) -> list[Drawing]:
    """One of each system and member."""
    lowest: dict[tuple[str, str], Drawing] = {}
    for drawing in sorted(drawings, key=lambda d: d.seed):
        lowest.setdefault((drawing.system, drawing.member), drawing)
    return [d for d in drawings if lowest[d.system, d.member] is d]


def later_slices(drawings: Sequence[Drawing], verdict: str) -> Figure:
    """Accuracy against where in its trajectory a window starts, a panel a model."""
    shown = first_seeds(drawings)
    columns = min(MOST_COLUMNS, len(shown))
    figure, grid = style.panels(-(-len(shown) // columns), columns, width=3.0, height=2.5)
    for axes, drawing in zip(_spread(grid, len(shown)), shown, strict=True):
        for curve, colour, label in ((drawing.slices, style.PALETTE[0], "model"), (drawing.limit, "black", "limit")):
            axes.errorbar(curve.start, curve.value, curve.error, color=colour, lw=1.3, marker="o", ms=3, label=label)
        axes.set_xlabel("first frame of the window")
        axes.set_ylabel("accuracy")
        axes.set_title(f"{drawing.system}: {drawing.member}")
    handles = [
        Line2D([], [], color=style.PALETTE[0], marker="o", ms=3, label="model"),
        Line2D([], [], color="black", marker="o", ms=3, label="Bayes limit of the same frames"),
    ]
    caption = (
        "Means over windows with standard errors; all frames of a window; the limit is known of overdamped walkers."
    )
    return style.finish(figure, "Later slices of a trajectory", f"{verdict}\n{caption}", handles)


def attention(drawings: Sequence[Drawing], verdict: str) -> Figure:
    """A row a model: the heads of its last layer in one window, and the mean over layers, heads and windows."""
    shown = first_seeds(drawings)
    heads = [min(MOST_COLUMNS, len(d.attention.heads)) for d in shown]
    figure, grid = style.panels(len(shown), max(heads) + 1, width=2.1, height=2.1)
    for axes, drawing, count in zip(grid, shown, heads, strict=True):
        maps = [*drawing.attention.heads[:count], drawing.attention.mean]
        for a in axes[count:-1]:
            a.axis("off")
        for a, values, title in zip(
            [*axes[:count], axes[-1]], maps, [*(f"head {h + 1}" for h in range(count)), "mean of all"], strict=True
        ):
            a.imshow(values, cmap="viridis", vmin=0, vmax=np.quantile(values, 0.99), interpolation="nearest")
            a.grid(visible=False)
            a.set_title(title, fontsize=7)
            a.tick_params(labelsize=6)
        axes[0].set_ylabel(f"{drawing.system}\n{drawing.member}\nlooks from", fontsize=6)
    caption = "Windows of a hundred frames at most; across: frame looked at; the mean: over layers, heads and windows."
    return style.finish(figure, "Attention", f"{verdict}\n{caption}")


def attention_time(drawings: Sequence[Drawing], verdict: str) -> Figure:
    """Mean attention by time difference, and weighted by it; a row a system."""
    shown = first_seeds(drawings)
    styles = style.member_styles(d.member for d in shown)
    names = sorted({d.system for d in shown})
    figure, grid = style.panels(len(names), 2, width=4.2, height=2.8)
    for drawing in shown:
        left, right = grid[names.index(drawing.system)]
        values = np.array(drawing.attention.difference)
        away = np.arange(len(values)) - len(values) // 2
        look = styles[drawing.member]
        left.plot(away, values, color=look.colour, lw=1.2)
        right.plot(away, values * np.abs(away), color=look.colour, lw=1.2)
    for row, system in zip(grid, names, strict=True):
        for axes, label in zip(row, ("mean attention", "attention × |time difference|"), strict=True):
            axes.set_xlabel("time difference / frames (past < 0 < future)")
            axes.set_ylabel(label)
            axes.set_title(system)
    caption = "Mean over windows, layers and heads of windows of a hundred frames at most."
    return style.finish(figure, "Attention by time difference", f"{verdict}\n{caption}", style.line_handles(styles))


def density(drawings: Sequence[Drawing], scores: Sequence[Score], verdict: str) -> Figure:
    """A row a model: the exact density, that of an independent simulation, and those of the roll-outs."""
    shown = first_seeds(drawings)
    kinds = ("exact", "simulation", "sampled", "deterministic")
    figure, grid = style.panels(len(shown), len(kinds), width=2.4, height=2.2)
    told = {(s.system, s.member, s.seed, s.how): s for s in scores if s.metric == "density_js"}
    for axes, drawing in zip(grid, shown, strict=True):
        top = np.max(drawing.densities["exact"])
        for a, kind in zip(axes, kinds, strict=True):
            if kind not in drawing.densities:
                a.axis("off")
                continue
            values = np.array(drawing.densities[kind]).T
            with np.errstate(divide="ignore"):
                a.pcolormesh(drawing.x, drawing.y, np.log10(values / top), vmin=-4, vmax=0, cmap="viridis")
            row = told.get((drawing.system, drawing.member, drawing.seed, kind))
            a.set_title(kind + (f": {row.value:.3g} bit (floor {row.floor:.2g})" if row else ""), fontsize=7)
            a.set_xlim(-1.6, 1.4)
            a.set_ylim(-0.6, 2.2)
            a.grid(visible=False)
            a.tick_params(labelsize=6)
        axes[0].set_ylabel(f"{drawing.system}\n{drawing.member}", fontsize=6)
    caption = "Density on squares of 0.1, four decades; bits: Jensen–Shannon divergence from the exact one."
    return style.finish(figure, "Density of generated walkers", f"{verdict}\n{caption}")


def _spread(grid: list, count: int) -> list:
    """The first `count` axes; the others are hidden."""
    flat = [axes for row in grid for axes in row]
    for axes in flat[count:]:
        axes.axis("off")
    return flat[:count]
