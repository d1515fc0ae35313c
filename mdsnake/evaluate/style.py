"""How every figure looks: one colour for a member throughout, hatches in greys and browns for controls."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
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
    "verlet-double": Style("#6f6f6f", "...", (0, (2, 1)), 1.1, "p"),
    "verlet-stable": Style("#5c5c5c", "\\\\\\", (0, (3, 1, 1, 1, 1, 1)), 1.1, "D"),
    "hmc": Style("#6b3e0f", "", (0, (5, 1)), 1.3, "v"),
    "hmc-mm": Style("#9c6b30", "///", (0, (3, 1)), 1.3, "<"),
    "respa": Style("#c9a66b", "xxx", (0, (1, 1)), 1.3, ">"),
}
#: Said with the name of a control whose kind its name does not tell.
_LABELS = {"hmc": "hmc (exact)", "hmc-mm": "hmc-mm (exact)", "respa": "respa (not exact)"}


def member_styles(members: Iterable[str]) -> dict[str, Style]:
    """A style for each member, learned ones first, then the controls in their usual order."""
    names = set(members)
    learned = sorted(names - set(CONTROLS))
    styles = {name: Style(PALETTE[i % len(PALETTE)], "", "-", 1.5, "o") for i, name in enumerate(learned)}
    return styles | {name: _CONTROL_STYLES[name] for name in CONTROLS if name in names}


def label(member: str) -> str:
    """The name of a member in legends and tables."""
    return _LABELS.get(member, member)


def panels(rows: int, columns: int, width: float = 3.2, height: float = 2.5) -> tuple[Figure, list[list[Axes]]]:
    """A figure with a grid of axes, each of this size in inches, and room for a title."""
    with matplotlib.rc_context(RC):
        figure = Figure(figsize=(max(width * columns, 6.4), height * rows + 0.4), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    return figure, [list(row) for row in axes]


def finish(figure: Figure, title: str, caption: str, handles: Sequence[Line2D | Patch] = ()) -> Figure:
    """Add the title and, in room made below the axes, one legend and the caption."""
    width, height = figure.get_size_inches()
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = max(1, int(width // (0.6 + 0.065 * longest)))
    legend, text = 0.22 * -(-len(handles) // columns), 0.16 * len(caption.splitlines())
    room = legend + text + 0.15
    figure.set_size_inches(width, height + room)
    figure.set_layout_engine(ConstrainedLayoutEngine(rect=(0, room / (height + room), 1, height / (height + room))))
    figure.suptitle(title, fontsize=11, fontweight="bold")
    figure.text(0.5, 0.05 / (height + room), caption, va="bottom", ha="center", fontsize=8, color="#444444")
    if handles:
        place = (0.5, (text + 0.06) / (height + room))
        look = {"fontsize": 8, "frameon": False, "borderaxespad": 0, "borderpad": 0.1, "columnspacing": 1.4}
        figure.legend(handles=list(handles), loc="lower center", bbox_to_anchor=place, ncols=columns, **look)
    return figure


def save(figure: Figure, path: str | Path) -> None:
    """Write the figure."""
    with matplotlib.rc_context(RC):
        figure.savefig(path, dpi=150)


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
        Line2D([], [], color=s.colour, ls=s.dash, lw=s.width, marker=s.marker if markers else "", label=label(name))
        for name, s in styles.items()
    ]


def bar_handles(styles: dict[str, Style]) -> list[Line2D | Patch]:
    return [
        Patch(facecolor=s.colour, hatch=s.hatch, edgecolor="white", label=label(name)) for name, s in styles.items()
    ]
