"""How every figure looks: one colour for a member throughout, greys and hatches for controls."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from mdsnake.families.kstep.config import CONTROLS

#: Okabe and Ito's colours, told apart with any kind of colour vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
REFERENCE = "black"
FLOOR = "#777777"
MARK = "#009E73"
RC: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
    "figure.dpi": 150,
}


class Style(NamedTuple):
    colour: str
    hatch: str
    dash: Any
    width: float
    marker: str


_CONTROL_STYLES = {
    "zero": Style("#bdbdbd", "xxx", (0, (1, 1)), 1.1, "X"),
    "ballistic": Style("#a0a0a0", "///", (0, (4, 1.5)), 1.1, "^"),
    "verlet": Style("#828282", "", (0, (6, 1, 1, 1)), 1.1, "s"),
    "verlet-stable": Style("#5c5c5c", "\\\\\\", (0, (3, 1, 1, 1, 1, 1)), 1.1, "D"),
}


def member_styles(members: Iterable[str]) -> dict[str, Style]:
    """A style for each member, learned ones first, then the controls in their usual order."""
    names = set(members)
    learned = sorted(names - set(CONTROLS))
    styles = {name: Style(PALETTE[i % len(PALETTE)], "", "-", 1.5, "o") for i, name in enumerate(learned)}
    return styles | {name: _CONTROL_STYLES[name] for name in CONTROLS if name in names}


def panels(rows: int, columns: int, width: float = 3.2, height: float = 2.5) -> tuple[Figure, list[list[Axes]]]:
    """A figure with a grid of axes, and room for legend and caption."""
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(max(width * columns, 5.6), height * rows + 1.1), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    return figure, [list(row) for row in axes]


def finish(figure: Figure, title: str, caption: str, handles: Sequence[Line2D | Patch] = ()) -> Figure:
    """Add the title, one legend and, below the figure, the caption; save with `bbox_inches="tight"`."""
    figure.suptitle(title, fontsize=11, fontweight="bold")
    if handles:
        columns = min(len(handles), max(2, int(figure.get_figwidth() // 1.55)))
        figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
    figure.text(0.5, -0.1 / figure.get_figheight(), caption, ha="center", va="top", fontsize=8, color="#444444")
    return figure


def message(title: str, text: str) -> Figure:
    """A figure that says why there is nothing to show."""
    figure, [[axes]] = panels(1, 1)
    axes.axis("off")
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    return finish(figure, title, "")


def plain_log(axis: Axis) -> None:
    """Logarithmic ticks at 1, 2 and 5 of each decade, written out."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def line_handles(styles: dict[str, Style], markers: bool = False) -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=s.colour, ls=s.dash, lw=s.width, marker=s.marker if markers else "", label=name)
        for name, s in styles.items()
    ]


def bar_handles(styles: dict[str, Style]) -> list[Line2D | Patch]:
    return [Patch(facecolor=s.colour, hatch=s.hatch, edgecolor="white", label=name) for name, s in styles.items()]
