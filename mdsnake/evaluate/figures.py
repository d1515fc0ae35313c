"""`mdsnake figure`: every figure by its name."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mdsnake.errors import UserError
from mdsnake.evaluate import bars, overlays, style
from mdsnake.evaluate.cost import read_history
from mdsnake.evaluate.curves import read_curves
from mdsnake.evaluate.records import Record, read_records
from mdsnake.store.atomic import replacing

History = dict[str, np.ndarray]


@dataclasses.dataclass
class Inputs:
    """What a figure may draw; `histories` are by (engine, k, member)."""

    records: list[Record]
    curves: overlays.Curves
    histories: dict[tuple[str, str, str], History]


def training(inputs: Inputs) -> Figure:
    """Loss against step, a panel for each engine and k."""
    title = "Training"
    if not inputs.histories:
        return style.message(title, "no training histories were given")
    engines = sorted({engine for engine, _, _ in inputs.histories})
    strides = {e: sorted({k for engine, k, _ in inputs.histories if engine == e}, key=_number) for e in engines}
    styles = style.member_styles(member for _, _, member in inputs.histories)
    figure, grid = style.panels(len(engines), max(map(len, strides.values())), width=3.6, height=2.4)
    for axes, engine in zip(grid, engines, strict=True):
        for a in axes[len(strides[engine]) :]:
            a.axis("off")
        for a, k in zip(axes, strides[engine], strict=False):
            for member, s in styles.items():
                history = inputs.histories.get((engine, k, member), {})
                for column, alpha, dash in (("train_loss", 0.45, (0, (2, 1))), ("val_loss", 1.0, "-")):
                    if column in history:
                        kept = np.isfinite(history[column])
                        x, y = history["step"][kept], history[column][kept]
                        a.plot(x, y, color=s.colour, alpha=alpha, ls=dash, lw=1.4)
                        if column == "val_loss" and len(y):
                            a.plot(x[y.argmin()], y.min(), "o", color=s.colour, ms=5)
            a.set_yscale("log")
            a.set_xlabel("optimiser step")
            a.set_ylabel("loss")
            a.set_title(f"{engine}, k = {_number(k)}")
    kinds = [
        Line2D([], [], color="#444444", label="validation (point: its lowest)"),
        Line2D([], [], color="#444444", alpha=0.45, ls=(0, (2, 1)), label="training"),
    ]
    caption = f"n = {len(inputs.histories)} trainings. The loss has no unit; panels of different k do not compare."
    return style.finish(figure, title, caption, [*style.line_handles(styles), *kinds])


FIGURES: dict[str, Callable[[Inputs], Figure]] = {
    "one_jump_error": lambda inputs: bars.one_jump_error(inputs.records),
    "distributions": lambda inputs: overlays.distributions(inputs.curves),
    "lag_rmsd": lambda inputs: bars.lag_rmsd(inputs.records),
    "flip_rate": lambda inputs: bars.flip_rate(inputs.records),
    "rdf": lambda inputs: overlays.rdf(inputs.curves),
    "vdos": lambda inputs: overlays.vdos(inputs.curves),
    "energy_drift": lambda inputs: overlays.energy_drift(inputs.records, inputs.curves),
    "exactness": lambda inputs: bars.exactness(inputs.records),
    "cost": lambda inputs: bars.cost(inputs.records),
    "efficiency": lambda inputs: bars.efficiency(inputs.records),
    "training": training,
}


def figure(
    name: str,
    summary: str | Path,
    curves: Sequence[str | Path] = (),
    history: Sequence[str | Path] = (),
    out: str | Path = "figure.png",
) -> None:
    """Draw the figure `name` from the summary CSV, `curves.json` files and training histories.

    A history is known by its path, …/{engine}/k{k}/{member}/history.csv.

    Raises
    ------
    UserError
        There is no such figure, or an input is missing or broken.
    """
    if name not in FIGURES:
        raise UserError(f"figure: no {name!r}; choose from {', '.join(FIGURES)}")
    inputs = Inputs(
        read_records(summary),
        [read_curves(path) for path in curves],
        {_place(path): read_history(path) for path in history},
    )
    with matplotlib.rc_context(style.RC):
        drawn = FIGURES[name](inputs)
        with replacing(out) as temporary:
            style.save(drawn, temporary)


def _place(path: str | Path) -> tuple[str, str, str]:
    *_, engine, k, member, _ = ("", "", "", *Path(path).absolute().parts)
    return engine, k, member


def _number(k: str) -> int:
    return int(k.removeprefix("k")) if k.removeprefix("k").isdigit() else 0
