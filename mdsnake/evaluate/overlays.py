"""Figures that lay the members' curves over the reference's: distributions, RDF, VDOS, energy drift."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mdsnake.evaluate import style
from mdsnake.evaluate.aggregate import held_out, select, spread, strides
from mdsnake.evaluate.records import Record
from mdsnake.units import SPEED_OF_LIGHT

Curves = list[dict[str, Any]]
AXES = {
    "bond": "bond length − mean / pm",
    "angle": "bond angle − mean / °",
    "torsion": "dihedral / °",
    "potential": "potential energy − mean / kJ/mol",
    "pair": "distance between atoms / nm",
}
REFERENCE_HANDLES: list[Line2D | Patch] = [
    Line2D([], [], color=style.REFERENCE, lw=1, label="reference"),
    Patch(color="black", alpha=0.3, label="between two reference runs"),
]


def of_test(curves: Curves) -> Curves:
    """Those of test molecules where there are any."""
    return [c for c in curves if c["settings"]["split"] == "test"] or curves


def cells(curves: Curves) -> dict[tuple[str, int], Curves]:
    """(engine, k) → curves, sorted."""
    found: dict[tuple[str, int], Curves] = defaultdict(list)
    for c in sorted(curves, key=lambda c: [c["settings"][key] for key in ("engine", "k", "molecule", "seed")]):
        found[c["settings"]["engine"], c["settings"]["k"]].append(c)
    return dict(found)


def name_of(cell: Curves) -> str:
    """`mm, k = 4 (8 fs)`."""
    s = cell[0]["settings"]
    return f"{s['engine']}, k = {s['k']} ({s['k'] * s['timestep_fs']:g} fs)"


def density(curves: Curves, name: str, of: str) -> np.ndarray:
    """Mean over curves of the normalised histogram `name`, per unit of its axis, (bins,)."""
    counts = [np.array(c["curves"][name][of], dtype=float) for c in curves]
    shares = [row / row.sum() for row in counts if row.sum() > 0]
    edges = np.array(curves[0]["curves"][name]["edges"])
    return np.mean(shares, axis=0)[1:-1] / np.diff(edges) if shares else np.full(len(edges) - 1, np.nan)


def middles(curves: Curves, name: str) -> np.ndarray:
    edges = np.array(curves[0]["curves"][name]["edges"])
    return (edges[1:] + edges[:-1]) / 2


def of_members(curves: Curves, styles: dict[str, style.Style]) -> Iterable[tuple[style.Style, Curves]]:
    """Style and curves of each member that has some, controls first so that networks lie on top."""
    for member, s in reversed(styles.items()):
        mine = [c for c in curves if c["settings"]["member"] == member]
        if mine:
            yield s, mine


def members(curves: Curves) -> dict[str, style.Style]:
    return style.member_styles(c["settings"]["member"] for c in curves)


def size(curves: Curves) -> str:
    names = {c["settings"]["molecule"] for c in curves}
    frames = [c["n"]["rollout"] for c in curves]
    held = "held-out " if {c["settings"]["split"] for c in curves} == {"test"} else ""
    few, many = min(frames), max(frames)
    plural = "s" * (len(names) > 1)
    return f"n = {len(names)} {held}molecule{plural}, {few}{f'–{many}' * (few != many)} frames a roll-out"


def overlay(axes: Axes, cell: Curves, name: str, styles: dict[str, style.Style]) -> None:
    """Reference, the band between two reference runs, and each member, on the part of the axis the reference uses."""
    x = middles(cell, name)
    reference, replica = density(cell, name, "reference"), density(cell, name, "replica")
    axes.fill_between(x, reference, replica, color="black", alpha=0.3, lw=0)
    axes.plot(x, reference, color=style.REFERENCE, lw=1)
    for s, mine in of_members(cell, styles):
        axes.plot(x, density(mine, name, "rollout"), color=s.colour, ls=s.dash, lw=s.width, alpha=0.9)
    share = np.cumsum(np.nan_to_num(reference))
    if share[-1] > 0:
        inside = x[(share > 0.001 * share[-1]) & (share < 0.999 * share[-1])]
        room = 0.35 * (inside.max() - inside.min()) if len(inside) else 1.0
        axes.set_xlim(max(x[0], inside.min() - room), min(x[-1], inside.max() + room))
        axes.set_ylim(0, 1.5 * np.nanmax(reference))
    axes.set_xlabel(AXES[name])


def distributions(curves: Curves) -> Figure:
    """Bonds, angles, torsions and energy of every member over the reference."""
    title, curves = "Distributions of structure and energy", of_test(curves)
    if not curves:
        return style.message(title, "no curves were given")
    styles, rows = members(curves), cells(curves)
    figure, grid = style.panels(len(rows), 4, width=2.7, height=2.0)
    for axes, cell in zip(grid, rows.values(), strict=True):
        for a, name in zip(axes, ("bond", "angle", "torsion", "potential"), strict=True):
            overlay(a, cell, name, styles)
            a.set_yticks([])
            if name == "torsion":
                a.set_xlim(-180, 180)
                a.set_xticks([-180, -60, 60, 180])
        axes[0].set_ylabel(name_of(cell) + "\nprobability density")
    return style.finish(
        figure, title,
        f"{size(curves)}. Pooled over molecules; means are the reference's; rigid bonds are left out.\n"
        "Axes end at 1.5 times the reference's height.",
        [*REFERENCE_HANDLES, *style.line_handles(styles)],
    )  # fmt: skip


def rdf(curves: Curves) -> Figure:
    """Distances between all atoms, and what is wrong with them."""
    title, curves = "Distances between atoms (RDF)", of_test(curves)
    if not curves:
        return style.message(title, "no curves were given")
    styles, columns = members(curves), cells(curves)
    figure, grid = style.panels(2, len(columns), width=3.4, height=2.2)
    for (above, below), cell in zip(zip(*grid, strict=True), columns.values(), strict=True):
        overlay(above, cell, "pair", styles)
        x, reference = middles(cell, "pair"), density(cell, "pair", "reference")
        largest = 0.1
        below.fill_between(x, 0, density(cell, "pair", "replica") - reference, color="black", alpha=0.3, lw=0)
        for s, mine in of_members(cell, styles):
            difference = density(mine, "pair", "rollout") - reference
            below.plot(x, difference, color=s.colour, ls=s.dash, lw=s.width)
            largest = max(largest, 1.1 * np.nanmax(np.abs(difference)))
        below.set_xlim(above.get_xlim())
        limit = min(largest, 0.5 * np.nanmax(reference))
        below.set_ylim(-limit, limit)
        below.set_xlabel(AXES["pair"])
        above.set_xlabel("")
        above.set_title(name_of(cell))
    grid[0][0].set_ylabel("h(r) / nm⁻¹")
    grid[1][0].set_ylabel("h(r) − reference / nm⁻¹")
    return style.finish(
        figure, title,
        f"{size(curves)}. h(r): all pairs of atoms, unit area, pooled over molecules.\n"
        "The lower axes end at half of the highest peak at most.",
        [*REFERENCE_HANDLES, *style.line_handles(styles)],
    )  # fmt: skip


def vdos(curves: Curves) -> Figure:
    """Vibrations of one molecule, a ridge for each member over the reference."""
    title, curves = "Vibrational density of states", of_test(curves)
    if not curves:
        return style.message(title, "no curves were given")
    molecule = min(c["settings"]["molecule"] for c in curves)
    shown = [c for c in curves if c["settings"]["molecule"] == molecule]
    styles, columns = members(shown), cells(shown)
    figure, [axes] = style.panels(1, len(columns), width=3.4, height=0.75 * len(styles) + 1.2)
    for a, cell in zip(axes, columns.values(), strict=True):
        top = max(max(c["curves"]["vdos"]["reference"]["y"]) for c in cell)
        for level, (member, s) in enumerate(reversed(styles.items())):
            mine = [c["curves"]["vdos"] for c in cell if c["settings"]["member"] == member]
            if mine:
                truth, own = mine[0]["reference"], mine[0]["rollout"]
                a.fill_between(truth["x"], level, level + np.array(truth["y"]) / top, color="black", alpha=0.25, lw=0)
                a.plot(own["x"], level + np.array(own["y"]) / top, color=s.colour, lw=1.1)
        a.set_yticks(range(len(styles)), list(reversed(styles)) if a is axes[0] else [""] * len(styles))
        a.set_ylim(-0.1, len(styles) + 0.15)
        a.set_xlabel("wavenumber / cm⁻¹")
        a.set_title(name_of(cell))
    strides_fs = sorted({cell[0]["frame_fs"] for cell in columns.values()})
    limits = ", ".join(f"{fs:g} fs: {500 / (SPEED_OF_LIGHT * fs):.0f}" for fs in strides_fs)
    return style.finish(
        figure, f"{title}: {molecule}",
        f"The first of {len({c['settings']['molecule'] for c in curves})} molecules, first seed. Grey: reference.\n"
        f"Periods under two strides appear folded back, in the reference alike (limits in cm⁻¹, {limits}).",
    )  # fmt: skip


def energy_drift(records: list[Record], curves: Curves) -> Figure:
    """Total energy without thermostat: its course, and its slope."""
    title, curves = "Energy drift without thermostat", of_test(curves)
    slopes, _ = held_out(select(records, metric="nve_drift_per_atom"))
    if not curves or not slopes:
        return style.message(title, "no NVE runs were given")
    engines = sorted({c["settings"]["engine"] for c in curves})
    styles, found = members(curves), cells(curves)
    wide = max(sum(e == engine for e, _ in found) for engine in engines)
    figure, grid = style.panels(len(engines), wide + 1, width=3.2, height=2.4)
    for axes, engine in zip(grid, engines, strict=True):
        mine = [cell for (e, _), cell in found.items() if e == engine]
        for a in axes[len(mine) : wide]:
            a.axis("off")
        for a, cell in zip(axes, mine, strict=False):
            _courses(a, cell, styles)
        _slopes(axes[wide], select(slopes, engine=engine), engine, styles)
    runs = sum(r.n for r in slopes) // max(len(slopes), 1)
    return style.finish(
        figure, title,
        f"{size(curves)}; {runs} NVE runs each. Lines: mean over runs and molecules.\n"
        "Points: mean raw slope, median over molecules; whiskers: lowest and highest.\n"
        "Axes are linear between −1 and 1, logarithmic beyond.",
        style.line_handles(styles, markers=True),
    )  # fmt: skip


def _courses(axes: Axes, cell: Curves, styles: dict[str, style.Style]) -> None:
    for s, mine in of_members(cell, styles):
        series = [c["curves"]["nve"]["rollout"] for c in mine]
        shortest = min(len(one["x"]) for one in series)
        mean = np.mean([np.array(one["y"][:shortest], dtype=float) for one in series], axis=0)
        axes.plot(series[0]["x"][:shortest], mean, color=s.colour, ls=s.dash, lw=s.width)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xlabel("time / ps")
    axes.set_ylabel("E(t) − E(0) / kJ/mol")
    axes.set_title(name_of(cell))


def _slopes(axes: Axes, rows: list[Record], engine: str, styles: dict[str, style.Style]) -> None:
    groups = strides(rows, engine)
    for g, (k, _) in enumerate(groups):
        for m, (member, s) in enumerate(styles.items()):
            one = spread(select(rows, member=member, k=k))
            if one:
                whiskers = [[one.median - one.low], [one.high - one.median]]
                x = g - 0.35 + 0.7 * (m + 0.5) / len(styles)
                axes.errorbar(x, one.median, whiskers, color=s.colour, marker=s.marker, ms=5, elinewidth=0.9)
    axes.axhline(0, color="black", lw=0.8)
    axes.margins(x=0.06, y=0.12)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xticks(range(len(groups)), [f"k = {k}\n{fs:g} fs" for k, fs in groups])
    axes.set_ylabel("drift / meV/atom/ps")
    axes.set_title(f"{engine}: slope")
