"""`mdsnake figure --family trajbert`: every figure by its name."""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mdsnake.errors import UserError
from mdsnake.evaluate import style
from mdsnake.evaluate.cost import read_history
from mdsnake.evaluate.records import Score, read_records
from mdsnake.evaluate.surface import maps
from mdsnake.evaluate.surface.claims import CLAIMS, Verdict, is_model, order, published, verdicts
from mdsnake.evaluate.surface.drawings import Drawing, read_drawing
from mdsnake.evaluate.surface.metrics import METRICS
from mdsnake.store.atomic import replacing

#: Ratios of times that are right.
RIGHT = (0.8, 1.25)
KINETICS = ("t2_ratio", "mfpt_ratio", "free_energy_error", "committor_error")


def told(scores: Sequence[Score], figure: str) -> str:
    """What a figure says of the claims that it shows."""
    lines = []
    for claim in CLAIMS:
        own = [v for v in verdicts(scores) if v.claim is claim and claim.figure == figure]
        if own:
            held = [v.member for v in own if v.reproduced]
            word = "reproduced" if len(held) == len(own) else "not reproduced" if not held else "reproduced in part"
            lines.append(f"“{claim.text}”:\n{word} ({len(held)} of {len(own)} models{_also(own)})")
    return "\n".join(lines)


def _also(own: Sequence[Verdict]) -> str:
    """What meets the criterion as well, though it was not trained."""
    return "".join(f"; so by {control}" for control in sorted({v.control for v in own if v.reproduced and v.control}))


def by_member(scores: Sequence[Score], metric: str, how: str, system: str) -> dict[str, list[Score]]:
    """Rows of a metric by member, networks first."""
    rows = [s for s in scores if (s.metric, s.how, s.system) == (metric, how, system) and np.isfinite(s.value)]
    return {m: [s for s in rows if s.member == m] for m in sorted({s.member for s in rows}, key=order)}


def dots(axes: Axes, rows: dict[str, list[Score]]) -> None:
    """A member a line, a dot a seed, its floors as a black tick."""
    for y, own in enumerate(rows.values()):
        axes.plot([s.value for s in own], [y] * len(own), "o", color=style.PALETTE[0], ms=5, alpha=0.8)
        for s in own:
            if np.isfinite(s.floor):
                axes.plot([s.floor] * 2, [y - 0.3, y + 0.3], color="black", lw=1.6)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_ylim(len(rows) - 0.4, -0.6)


def systems(scores: Sequence[Score]) -> list[str]:
    return sorted({s.system for s in scores})


def classification(scores: Sequence[Score], drawings: Sequence[Drawing]) -> Figure:
    """Accuracy over all frames and at the last, a panel each, a row a system."""
    names = systems(scores)
    figure, grid = style.panels(len(names), 2, width=4.2, height=3.0)
    for axes, system in zip(grid, names, strict=True):
        for a, metric in zip(axes, ("accuracy", "accuracy_last"), strict=True):
            rows = by_member(scores, metric, "prediction", system)
            dots(a, rows)
            for y, member in enumerate(rows):
                if metric == "accuracy" and is_model(member):
                    a.plot(published(member), y, "x", color=style.PALETTE[1], ms=7, mew=2)
            a.set_xlabel(METRICS[metric].title)
            a.set_title(f"{system}: {'all frames' if metric == 'accuracy' else 'last frames of windows'}")
    caption = (
        "Dots: a training each; bars: the Bayes limit of the same frames, known of overdamped walkers alone; "
        "crosses: as published for that size."
    )
    return style.finish(figure, "Basin entered next", f"{told(scores, 'classification')}\n{caption}")


def kinetics(scores: Sequence[Score], drawings: Sequence[Drawing]) -> Figure:
    """Times, free energy and committor of generated walkers."""
    caption = (
        "Dots: a roll-out each, bars: an independent simulation of the same length; "
        "green: marks. What never crosses has no dot."
    )
    return _generated(scores, KINETICS, "Kinetics of generated walkers", caption)


def speed(scores: Sequence[Score], drawings: Sequence[Drawing]) -> Figure:
    """Frames by the second, and beside the simulator."""
    caption = "Roll-out and vectorised simulator are timed in one job, on this machine, under its load of that hour."
    return _generated(scores, ("frames_per_second", "speed_ratio"), "Speed of generation", caption)


def _generated(scores: Sequence[Score], metrics: Sequence[str], title: str, caption: str) -> Figure:
    """A row a system, a panel a metric, a line each way to generate walkers."""
    names = systems(scores)
    figure, grid = style.panels(len(names), len(metrics), width=3.0, height=3.2)
    for axes, system in zip(grid, names, strict=True):
        found = {
            (how, member, metric): own
            for metric in metrics
            for how in ("sampled", "deterministic")
            for member, own in by_member(scores, metric, how, system).items()
        }
        runs = sorted({key[:2] for key in found}, key=lambda run: (order(run[1]), run[0]))
        for a, metric in zip(axes, metrics, strict=True):
            dots(a, {_run(*run): found.get((*run, metric), []) for run in runs})
            if not any((s.metric, s.system) == (metric, system) for s in scores):
                a.text(0.5, 0.5, "not known of\nlangevin walkers", transform=a.transAxes, ha="center", va="center")
            a.tick_params(labelleft=a is axes[0])
            if METRICS[metric].mark:
                a.axvspan(*RIGHT, color=style.MARK, alpha=0.18, lw=0)
                a.set_xscale("log")
                a.set_xlim(0.2, 5)
                style.plain_log(a.xaxis)
            elif metric in ("frames_per_second", "speed_ratio"):
                a.set_xscale("log")
                low, high = np.log10(a.get_xlim())
                a.set_xlim(10 ** np.floor(low), 10 ** np.ceil(high))  # whole decades
                a.xaxis.set_minor_formatter(NullFormatter())
            a.set_xlabel(METRICS[metric].title)
            a.set_title(system)
    return style.finish(figure, title, caption)


def _run(how: str, member: str) -> str:
    return f"{member}, {how}" if is_model(member) else member


def learning(histories: dict[tuple[str, str, str], dict[str, np.ndarray]]) -> Figure:
    """Loss against step, a panel a system."""
    names = sorted({system for system, _, _ in histories})
    styles = style.member_styles(member for _, member, _ in histories)
    figure, [grid] = style.panels(1, len(names), width=4.6, height=3.0)
    for axes, system in zip(grid, names, strict=True):
        for (of, member, _), history in sorted(histories.items()):
            for column, dash in (("train_loss", ":"), ("val_loss", "-")):
                if of == system and column in history:
                    axes.plot(history["step"], history[column], color=styles[member].colour, ls=dash, lw=1.3)
        axes.set_xlabel("optimiser step")
        axes.set_ylabel("loss")
        axes.set_title(system)
    caption = f"n = {len(histories)}; dotted: training, whole: validation. Losses of the heads do not compare."
    return style.finish(figure, "Training", caption, style.line_handles(styles))


FIGURES: dict[str, Callable[[Sequence[Score], Sequence[Drawing]], Figure]] = {
    "classification": classification,
    "later_slices": lambda scores, drawings: maps.later_slices(drawings, told(scores, "later_slices")),
    "attention": lambda scores, drawings: maps.attention(drawings, told(scores, "attention")),
    "attention_time": lambda scores, drawings: maps.attention_time(drawings, told(scores, "attention_time")),
    "density": lambda scores, drawings: maps.density(drawings, scores, told(scores, "density")),
    "kinetics": kinetics,
    "speed": speed,
}
#: Those that are drawn from the summary alone.
OF_SCORES = ("classification", "kinetics", "speed")


def figure(name: str, summary: Path, out: Path, curves: Sequence[Path] = (), history: Sequence[Path] = ()) -> None:
    """Draw the figure `name` from the summary CSV, `curves.json` files and training histories.

    A history is known by its path, …/{system}/{member}/seed{seed}/history.csv.
    """
    if name not in (*FIGURES, "learning"):
        raise UserError(f"figure: no {name!r}; choose from {', '.join([*FIGURES, 'learning'])}")
    scores = read_records(summary, Score)
    if not scores:
        raise UserError(f"{summary}: no rows for the figure {name!r}; evaluate first")
    option, given = ("history", history) if name == "learning" else ("curves", curves)
    if name not in OF_SCORES and not given:
        raise UserError(f"figure: --{option}: {name} needs it; give it")
    with matplotlib.rc_context(style.RC):
        if name == "learning":
            drawn = learning({_place(path): read_history(path) for path in history})
        else:
            drawings = sorted((read_drawing(path) for path in curves), key=lambda d: (d.system, order(d.member)))
            drawn = FIGURES[name](scores, drawings)
        with replacing(out) as temporary:
            style.save(drawn, temporary)


def _place(path: Path) -> tuple[str, str, str]:
    *_, system, member, seed, _ = ("", "", "", *path.absolute().parts)
    return system, member, seed
