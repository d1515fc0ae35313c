"""The figure of docs/exact.md: conformers of 2-phenylethylamine by exact learned jumps and by plain xTB dynamics.

Trains as config/exact.yaml says, rolls out the learned member, and then plain dynamics with the reference's time step
and with the largest stable one for as long by the clock, all with one friction and from the same states all over the
classical force field's conformers.  One job at a time; interrupted, it goes on where it stopped.

    python benchmarks/kstep_exact_example.py --out docs/exact.png
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from exact_runs import MEMBER, PRETRAINED, arguments, configuration, make, model, steps
from matplotlib.figure import Figure

from mdsnake.evaluate import style
from mdsnake.evaluate.cost import preparation_seconds, setup_seconds
from mdsnake.evaluate.geometry import dihedrals
from mdsnake.store.h5md import Trajectory

NAME, SMILES = "phenylethylamine", "NCCc1ccccc1"
DIHEDRAL = np.array([[0, 1, 2, 3]])  # N–C–C–C, about the bond that tells the conformers apart
#: What they are called, and how many times as long as the reference would last their runs are, to be cut by the clock.
PLAIN = {"verlet": ("plain dynamics, 0.5 fs", 2), "verlet-stable": ("plain dynamics, its largest stable step", 4)}
FEWEST = 20  # frames of a walker that an average is drawn from


class Run(NamedTuple):
    """Walkers W side by side over F frames: dihedral in degrees and potential energy in kJ/mol, (W, F)."""

    dihedral: np.ndarray
    energy: np.ndarray
    seconds: float
    ps: float
    setup: float

    @property
    def clock(self) -> np.ndarray:
        """Minutes of wall-clock time at each frame."""
        return np.linspace(0, self.seconds / 60, self.energy.shape[1] + 1)[1:]

    def until(self, seconds: float) -> "Run":
        """What of it was there after so many seconds."""
        share = min(1.0, seconds / self.seconds)
        frames = round(share * self.energy.shape[1])
        dihedral, energy = self.dihedral[:, :frames], self.energy[:, :frames]
        return Run(dihedral, energy, share * self.seconds, share * self.ps, self.setup)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--stride", type=int, default=8, help="of the learned jump, fs")
    parser.add_argument("--walkers", type=int, default=16)
    parser.add_argument("--ps", type=float, default=20, help="of each walker of the learned member")
    parser.add_argument("--quick", action="store_true", help="a toy run: checks the script, not the model")
    told = parser.parse_args()
    folder, k = told.work.resolve() / NAME, steps(told.stride, NAME)
    reference = f"results/{NAME}/simulate/qm/replica1.h5"

    def roll_out(member: str, ps: float) -> Run:
        sampling = {"start": "bursts", "walkers": told.walkers, "time_ps": ps, "compile": not told.quick}
        configured = configuration(NAME, rollout=sampling, smoke=told.quick)
        configured["kstep"]["controls"] = list(PLAIN)
        target = f"results/{NAME}/rollout/qm/k{k}/{member}/seed0.h5"
        make(folder, {NAME: SMILES}, configured, [target, reference])
        return read(folder / target)

    learned = roll_out(MEMBER, told.ps)
    single = read(folder / reference)
    fitting = learned.seconds / single.seconds * single.ps / told.walkers
    plain = {
        name: roll_out(member, max(0.1, round(times * fitting, 1))).until(learned.seconds)
        for member, (name, times) in PLAIN.items()
    }
    histories = [(folder / "results" / path).with_name("history.csv") for path in (PRETRAINED, model(NAME))]
    preparation = (sum(map(preparation_seconds, histories)) + learned.setup) / 60
    runs = {f"exact, learned jumps of {told.stride} fs": learned, **plain}
    style.save(drawn(runs, preparation), told.out)
    for name, run in runs.items():
        share, error = running(gauche(run))
        energy, energy_error = running(run.energy)
        print(
            f"{name}: {run.ps:.0f} ps in {run.seconds / 60:.1f} min; gauche {share[-1]:.3f} ± {error[-1]:.3f}, "
            f"potential energy {energy[-1] - learned.energy.mean():+.2f} ± {energy_error[-1]:.2f} kJ/mol"
        )
    print(f"data, training and compiling: {preparation:.1f} min")


def read(path: Path) -> Run:
    """The trajectory of a roll-out or of a replica, which is a single walker."""
    trajectory = Trajectory.load(path)
    walkers = len(np.unique(trajectory.segment))
    angle = np.degrees(dihedrals(trajectory.positions.astype(float), DIHEDRAL))[:, 0]
    shape = (walkers, -1)
    seconds = 1e-3 * trajectory.counters["total_ms"]
    ps, setup = trajectory.simulated_ps, setup_seconds(trajectory)
    return Run(angle.reshape(shape), trajectory.potential.reshape(shape), seconds, ps, setup)


def gauche(run: Run) -> np.ndarray:
    """1 where the chain is folded, 0 where it is stretched, (W, F)."""
    return (np.abs(run.dihedral) < 120).astype(float)


def running(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean up to each frame and its standard error over walkers, (F,)."""
    means = np.cumsum(values, axis=1) / np.arange(1, values.shape[1] + 1)
    return means.mean(0), means.std(0, ddof=1) / np.sqrt(len(means))


def averaged(run: Run) -> slice:
    """The frames up to which an average is drawn."""
    return slice(min(FEWEST, len(run.clock) // 2), None)


def drawn(runs: dict[str, Run], preparation: float) -> Figure:
    """Distribution of the dihedral, share of the folded conformers, and the error of the energy, against the clock."""
    figure, [(left, middle, right)] = style.panels(1, 3, width=3.4, height=2.6)
    edges = np.linspace(-180, 180, 73)
    styles = dict(zip(runs, style.member_styles([MEMBER, *PLAIN]).values(), strict=True))
    for name, run in runs.items():
        look = {"color": styles[name].colour, "ls": styles[name].dash, "lw": 1.5}
        left.stairs(np.histogram(run.dihedral, edges, density=True)[0], edges, color=styles[name].colour, lw=1.5)
        kept = averaged(run)
        mean, error = (series[kept] for series in running(gauche(run)))
        middle.plot(run.clock[kept], mean, **look)
        middle.fill_between(run.clock[kept], mean - error, mean + error, color=styles[name].colour, alpha=0.2, lw=0)
        right.plot(run.clock[kept], running(run.energy)[1][kept], **look)
    (learned, *_), (own, *_) = runs.items(), styles.values()
    late, kept = learned[1].clock + preparation, averaged(learned[1])
    right.plot(late[kept], running(learned[1].energy)[1][kept], color=own.colour, ls=":", lw=1.5)
    left.set_xlabel("N–C–C–C / °")
    left.set_ylabel("probability density")
    left.set_xticks([-180, -60, 60, 180])
    middle.set_xlabel("wall-clock time / min")
    middle.set_ylabel("share of gauche conformers")
    middle.set_ylim(0, 1.05)
    right.set_xlabel("wall-clock time / min")
    right.set_ylabel("s.e. of ⟨U⟩ / kJ/mol")
    right.set_xscale("log")
    right.set_yscale("log")
    walkers = len(learned[1].energy)
    lengths = "; ".join(f"{name}: {run.ps:.0f} ps in {run.seconds / 60:.0f} min" for name, run in runs.items())
    return style.finish(
        figure, "2-phenylethylamine, GFN2-xTB, 300 K",
        f"{lengths}; one core.\n"
        f"Bands and errors: standard errors over {walkers} walkers. Dotted: with data, training and compiling.",
        [handle for name, s in styles.items() for handle in style.line_handles({name: s})],
    )  # fmt: skip


if __name__ == "__main__":
    main()
