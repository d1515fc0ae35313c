"""`mdsnake figure --family backbone`: every figure by its name."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mdsnake.errors import UserError
from mdsnake.evaluate import style
from mdsnake.evaluate.cost import read_history
from mdsnake.evaluate.proteins.bands import BANDS, expected_radius
from mdsnake.evaluate.proteins.drawings import Drawing, Shown, edges, read_drawing
from mdsnake.evaluate.proteins.internal import ANGLES
from mdsnake.evaluate.proteins.metrics import CONTROLS, HELD_OUT, MIRRORED, TRAINING, WALKS
from mdsnake.evaluate.records import Score, read_records
from mdsnake.store.atomic import replacing

COLOURS = {HELD_OUT: "black", TRAINING: "#777777", WALKS: "#9c6b30", MIRRORED: "#c9a66b"}
MARKERS = {HELD_OUT: "o", TRAINING: ".", WALKS: "x", MIRRORED: "+"}
Sets = dict[str, list[Shown]]


def sets_of(drawings: Sequence[Drawing]) -> Sets:
    """Sets of chains by name, models first; those of several seeds side by side."""
    found: Sets = {}
    for drawing in drawings:
        for name, one in drawing.sets.items():
            found.setdefault(name, []).append(one)
    return dict(sorted(found.items(), key=lambda item: (item[0] in CONTROLS, item[0])))


def looks(sets: Sets) -> dict[str, tuple[str, str]]:
    """Colour and marker of each set."""
    models = [name for name in sets if name not in CONTROLS]
    found = {name: (style.PALETTE[i % len(style.PALETTE)], "s") for i, name in enumerate(models)}
    return found | {name: (COLOURS[name], MARKERS[name]) for name in sets if name in CONTROLS}


def column(shown: Sequence[Shown], name: str) -> np.ndarray:
    """A number of every chain of a set."""
    return np.array([value for one in shown for value in one.chains[name]], dtype=float)


def counted(sets: Sets) -> str:
    """How many chains each set has."""
    return "n = " + ", ".join(f"{len(column(shown, 'residues'))} {name}" for name, shown in sets.items())


def legend(sets: Sets) -> list[Line2D]:
    return [
        Line2D([], [], color=colour, marker=marker, ls="", label=name) for name, (colour, marker) in looks(sets).items()
    ]


def ramachandran(drawings: Sequence[Drawing]) -> Figure:
    """φ and ψ, a panel a set."""
    sets = sets_of(drawings)
    figure, [row] = style.panels(1, len(sets), width=2.4, height=2.4)
    for axes, (name, shown) in zip(row, sets.items(), strict=True):
        counts = np.sum([one.ramachandran for one in shown], axis=0)
        axes.imshow(np.log1p(counts).T, origin="lower", extent=(-180, 180, -180, 180), cmap="viridis", aspect="equal")
        axes.axvline(0, color="white", lw=0.8, ls=":")
        positive = counts[counts.shape[0] // 2 :].sum() / max(counts.sum(), 1)
        axes.set_title(f"{name}\nφ > 0: {100 * positive:.0f} %")
        axes.set_xticks([-180, 0, 180])
        axes.set_yticks([-180, 0, 180])
        axes.set_xlabel("φ / °")
        axes.grid(False)
    row[0].set_ylabel("ψ / °")
    return style.finish(figure, "Ramachandran maps", f"{counted(sets)}. Colour: logarithm of the count.")


def geometry(drawings: Sequence[Drawing]) -> Figure:
    """Bonds and angles against those of natives."""
    sets = {name: shown for name, shown in sets_of(drawings).items() if name not in (WALKS, MIRRORED)}
    figure, grid = style.panels(2, 4, width=2.4, height=2.0)
    panels = [axes for row in grid for axes in row]
    for axes, kind in zip(panels, BANDS, strict=False):
        at = (edges(kind)[1:] + edges(kind)[:-1]) / 2
        axes.axvspan(*BANDS[kind], color="#009E73", alpha=0.15, lw=0)
        for name, (colour, _) in looks(sets).items():
            counts = np.sum([one.histograms[kind] for one in sets[name]], axis=0)
            if counts.sum():
                axes.plot(at, counts / counts.sum() / (at[1] - at[0]), color=colour, lw=1.3)
        axes.set_title(kind + (" / °" if kind in ANGLES else " / Å"))
        axes.set_yticks([])
    panels[-1].axis("off")
    caption = f"{counted(sets)}. Green: the 1st to 99th percentile of real domains. What lies outside is not drawn."
    return style.finish(figure, "Bonds and angles", caption, _lines(sets))


def _lines(sets: Sets) -> list[Line2D]:
    return [Line2D([], [], color=colour, label=name) for name, (colour, _) in looks(sets).items()]


def size(drawings: Sequence[Drawing]) -> Figure:
    """Radius of gyration against the number of residues."""
    sets = {name: shown for name, shown in sets_of(drawings).items() if name != MIRRORED}
    figure, [[axes]] = style.panels(1, 1, width=5.6, height=3.4)
    for name, (colour, marker) in looks(sets).items():
        axes.plot(
            column(sets[name], "residues"), column(sets[name], "rg_angstrom"), marker, color=colour, ms=4, alpha=0.7
        )
    residues = np.linspace(20, max(column(shown, "residues").max() for shown in sets.values()), 50)
    axes.plot(residues, [expected_radius(n) for n in residues], color="black", lw=1)
    axes.set_xlabel("residues")
    axes.set_ylabel("radius of gyration / Å")
    return style.finish(figure, "Size", f"{counted(sets)}. Line: 2.2 N^0.38 Å.", legend(sets))


def content(drawings: Sequence[Drawing]) -> Figure:
    """Helix against strand."""
    sets = {name: shown for name, shown in sets_of(drawings).items() if name != MIRRORED}
    figure, [[axes]] = style.panels(1, 1, width=5.6, height=3.4)
    for name, (colour, marker) in looks(sets).items():
        axes.plot(column(sets[name], "helix"), column(sets[name], "strand"), marker, color=colour, ms=5, alpha=0.7)
    axes.set_xlabel("share of residues in helices")
    axes.set_ylabel("share of residues in strands")
    return style.finish(figure, "Secondary structure", f"{counted(sets)}. By DSSP.", legend(sets))


def likeness(drawings: Sequence[Drawing]) -> Figure:
    """TM-scores of all pairs, a panel a set; and of each chain to the nearest training protein."""
    sets = {name: shown for name, shown in sets_of(drawings).items() if shown[0].pairwise}
    figure, [row] = style.panels(1, len(sets) + 1, width=2.6, height=2.6)
    for axes, (name, shown) in zip(row, sets.items(), strict=False):
        image = axes.imshow(np.array(shown[0].pairwise, dtype=float), vmin=0, vmax=1, cmap="magma")
        axes.set_title(name)
        axes.grid(False)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.colorbar(image, ax=row[len(sets) - 1], label="TM-score")
    for y, (name, (colour, marker)) in enumerate(looks(sets).items()):
        tm, valid = column(sets[name], "nearest_training_tm"), column(sets[name], "valid") > 0
        row[-1].plot(tm[~valid], np.full((~valid).sum(), y), marker, color=colour, ms=4, alpha=0.3)
        row[-1].plot(tm[valid], np.full(valid.sum(), y), marker, color=colour, ms=4)
    row[-1].set_yticks(range(len(sets)), list(sets))
    row[-1].set_ylim(len(sets) - 0.5, -0.5)
    row[-1].set_xlim(0, 1)
    row[-1].set_title("nearest training TM")
    caption = (
        f"{counted(sets)}; maps are of the first seed. Pale: chains that fail a check of their geometry.\n"
        "Random walks look new; a model that learned by heart lies right of the held-out natives."
    )
    return style.finish(figure, "Likeness", caption)


def denoising(drawings: Sequence[Drawing]) -> Figure:
    """RMSD and loss of one step against the noise."""
    models = [drawing for drawing in drawings if drawing.denoising]
    figure, [row] = style.panels(1, 2, width=3.8, height=3.0)
    for i, drawing in enumerate(models):
        for (how, curve), dash in zip(sorted(drawing.denoising.items(), reverse=True), ("-", ":"), strict=False):
            for axes, name in zip(row, ("rmsd", "loss"), strict=True):
                mean, spread = (np.array(getattr(curve, part), dtype=float) for part in (name, f"{name}_spread"))
                label = f"{drawing.member}, seed {drawing.seed}, {how}"
                colour = style.PALETTE[i % len(style.PALETTE)]
                axes.plot(curve.share, mean, color=colour, ls=dash, lw=1.4, label=label)
                axes.fill_between(
                    curve.share, np.maximum(mean - spread, mean / 10), mean + spread, color=colour, alpha=0.12, lw=0
                )
    for axes, label in zip(row, ("RMSD of one step / Å", "loss"), strict=True):
        axes.set_xlabel("noise, as a share of all steps")
        axes.set_ylabel(label)
        axes.set_yscale("log")
    caption = "Bands: standard deviation over chains and draws of noise. Losses of different members do not compare."
    return style.finish(figure, "Denoising in one step", caption, row[0].get_lines() if models else ())


def learning(histories: dict[tuple[str, str], dict[str, np.ndarray]]) -> Figure:
    """Loss against step, a panel a member."""
    members = sorted({member for member, _ in histories})
    figure, [row] = style.panels(1, max(1, len(members)), width=4.0, height=3.0)
    for axes, member in zip(row, members, strict=False):
        for i, history in enumerate(one for (of, _), one in sorted(histories.items()) if of == member):
            for name, dash in (("train_loss", ":"), ("val_loss", "-")):
                if name in history:
                    axes.plot(history["step"], history[name], color=style.PALETTE[i % len(style.PALETTE)], ls=dash)
        axes.set_yscale("log")
        axes.set_xlabel("optimiser step")
        axes.set_ylabel("loss")
        axes.set_title(member)
    caption = f"n = {len(histories)} trainings. Dotted: training, whole: validation. Losses of members do not compare."
    return style.finish(figure, "Training", caption)


FIGURES: dict[str, Callable[[Sequence[Drawing]], Figure]] = {
    "ramachandran": ramachandran,
    "geometry": geometry,
    "size": size,
    "content": content,
    "likeness": likeness,
    "denoising": denoising,
}


def figure(name: str, summary: Path, out: Path, curves: Sequence[Path] = (), history: Sequence[Path] = ()) -> None:
    """Draw the figure `name` from `curves.json` files and training histories.

    A history is known by its path, …/{member}/seed{seed}/history.csv.
    """
    if name not in (*FIGURES, "learning"):
        raise UserError(f"figure: no {name!r}; choose from {', '.join([*FIGURES, 'learning'])}")
    if not read_records(summary, Score):
        raise UserError(f"{summary}: no rows; evaluate first")
    with matplotlib.rc_context(style.RC):
        if name == "learning":
            drawn = learning(
                {(path.parts[-3], path.parts[-2]): read_history(path) for path in map(Path.absolute, history)}
            )
        else:
            drawn = FIGURES[name]([read_drawing(path) for path in curves])
        with replacing(out) as temporary:
            style.save(drawn, temporary)
