"""`mdsnake <stage> …`: the only place that parses arguments.  Each command imports what it needs when it runs."""

import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mdsnake import config, stages
from mdsnake.errors import OutOfTime, UserError
from mdsnake.families.kstep import config as kstep
from mdsnake.store.budget import Budget

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

Text = Annotated[str, typer.Option("--settings", help="JSON text, or a YAML or JSON file")]
Out = Annotated[Path, typer.Option("--out", help="file or folder to write")]
Work = Annotated[Path, typer.Option("--work", help="scratch folder that an interrupted run goes on from")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option("--device", help="where networks run")]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--time-budget",
        envvar="MDSNAKE_TIME_BUDGET",
        metavar="MINUTES",
        help="stop in time, with status 75, to be run again",
    ),
]
File = Annotated[Path, typer.Option()]
Room = Annotated[str, typer.Option("--family")]
Prepared = Annotated[Path, typer.Argument(help="folder written by `mdsnake prepare`")]
PerhapsPrepared = Annotated[Path | None, typer.Argument(help="folder written by `mdsnake prepare`; not for backbone")]


@app.command()
def screen(table: Path, settings: Text, out: Out, processes: Annotated[int, typer.Option(min=1)] = 1) -> None:
    """Try every molecule of TABLE and say which can be prepared, with the reason where one cannot."""
    from mdsnake.prepare.stage import screen

    screen(table, config.read_settings(config.ScreenSettings, settings), out, processes)


@app.command()
def prepare(
    settings: Text,
    out: Out,
    downloads: Annotated[Path | None, typer.Option(help="backbone: folder of files that are downloaded once")] = None,
) -> None:
    """Embed, minimise and parametrise a molecule, solve the dynamics on a surface, or read a protein."""
    stages.run("prepare", settings, out=out, downloads=downloads)


@app.command()
def simulate(
    prepared: Prepared,
    settings: Text,
    run: Annotated[str, typer.Option(help="kstep: replicaN or bursts; trajbert: a split, replica0 or replica1")],
    out: Out,
    work: Work,
    start: Annotated[Path | None, typer.Option(help="kstep: bursts of another engine that these start from")] = None,
    time_budget: Minutes = None,
) -> None:
    """Run the reference dynamics: a thermostatted replica, or what networks learn from."""
    budget = Budget(time_budget)
    see_to(start, out=out)
    stages.run("simulate", settings, prepared=prepared, run=run, out=out, work=work, start=start, budget=budget)


@app.command()
def window(
    settings: Text,
    out: Out,
    prepared: Annotated[list[Path], typer.Option(help="folder of `mdsnake prepare`; once for each trajectory")],
    trajectory: Annotated[
        list[Path] | None, typer.Option(help="what to learn from, in the same order; of proteins there is none")
    ] = None,
    card: Annotated[Path | None, typer.Option(help="backbone: what was used and dropped, to write")] = None,
) -> None:
    """List the windows of all trajectories by frame index, or those of proteins by residue."""
    if trajectory and len(prepared) != len(trajectory):
        raise UserError("window: give one --trajectory for each --prepared")
    see_to(out=out, card=card)
    stages.run("window", settings, prepared=prepared, trajectory=trajectory or None, out=out, card=card)


@app.command()
def train(
    windows: Path,
    settings: Text,
    out: Out,
    history: Annotated[Path, typer.Option(help="CSV of the curves to write")],
    work: Work,
    init: Annotated[Path | None, typer.Option(help="model file whose weights the training starts from")] = None,
    device: Device = "auto",
    time_budget: Minutes = None,
) -> None:
    """Train a model on WINDOWS, perhaps from the weights of another (--init)."""
    budget = Budget(time_budget)
    see_to(out=out, history=history)
    files: dict[str, Any] = {"windows": windows, "init": init, "out": out, "history": history, "work": work}
    stages.run("train", settings, **files, device=device, budget=budget)


@app.command()
def rollout(
    settings: Text,
    out: Out,
    work: Work,
    prepared: PerhapsPrepared = None,
    start: Annotated[Path | None, typer.Option(help="run whose states walkers start from; not backbone")] = None,
    structures: Annotated[Path | None, typer.Option(help="backbone: folder of PDB and mmCIF files to write")] = None,
    motif: Annotated[Path | None, typer.Option(help="backbone: prepared protein of the motif")] = None,
    engine: Annotated[str | None, typer.Option(help="kstep: the engine's settings, as --settings")] = None,
    nve: Annotated[Path | None, typer.Option(help="kstep: the run without thermostat to write")] = None,
    model: Path | None = None,
    device: Device = "auto",
    time_budget: Minutes = None,
) -> None:
    """Propagate a system with a learned member, or a molecule with a control, or sample structures of proteins."""
    budget = Budget(time_budget)
    see_to(start, out=out, nve=nve)
    read = config.read_settings(config.PlainEngine, engine) if engine else None
    files: dict[str, Any] = {"prepared": prepared, "start": start, "model": model, "out": out, "nve": nve, "work": work}
    files |= {"structures": structures, "motif": motif}
    stages.run("rollout", settings, engine=read, **files, device=device, budget=budget)


@app.command()
def jumps(
    windows: Path,
    settings: Text,
    out: Out,
    model: Annotated[list[Path], typer.Option(help="a trained model; once for each")] = [],  # noqa: B006
    device: Device = "auto",
) -> None:
    """Measure single jumps of models and controls against the true ones on every molecule of WINDOWS."""
    from mdsnake.evaluate.jumps import jumps

    jumps(windows, config.read_settings(kstep.JumpsSettings, settings), model, out, device)


@app.command()
def evaluate(
    settings: Text,
    out: Out,
    curves: File,
    prepared: PerhapsPrepared = None,
    replica: Annotated[
        Path | None, typer.Option(help="a run of the reference that gives the noise floor; not for backbone")
    ] = None,
    rollout: Annotated[Path | None, typer.Option(help="kstep")] = None,
    nve: Annotated[Path | None, typer.Option(help="kstep")] = None,
    reference: Annotated[Path | None, typer.Option(help="kstep")] = None,
    history: Annotated[Path | None, typer.Option(help="kstep, backbone")] = None,
    pretraining: Annotated[
        Path | None, typer.Option(help="kstep: history of the training that this one started from")
    ] = None,
    windows: Annotated[Path | None, typer.Option(help="trajbert, backbone")] = None,
    model: Annotated[Path | None, typer.Option(help="trajbert, backbone")] = None,
    samples: Annotated[Path | None, typer.Option(help="backbone")] = None,
    sampled: Annotated[Path | None, typer.Option(help="trajbert")] = None,
    deterministic: Annotated[Path | None, typer.Option(help="trajbert")] = None,
    device: Annotated[Literal["auto", "cpu", "cuda"] | None, typer.Option(help="trajbert, backbone")] = None,
) -> None:
    """Judge a model's roll-outs beside their reference and the noise floor."""
    inputs: dict[str, Any] = {
        "rollout": rollout,
        "nve": nve,
        "reference": reference,
        "history": history,
        "pretraining": pretraining,
        "windows": windows,
    }
    inputs |= {"model": model, "sampled": sampled, "deterministic": deterministic, "replica": replica}
    inputs |= {"samples": samples}
    see_to(*inputs.values(), out=out, curves=curves)
    stages.run("evaluate", settings, prepared=prepared, **inputs, out=out, curves=curves, device=device)


@app.command()
def baselines(
    windows: Path,
    settings: Text,
    out: Out,
    replica: Annotated[Path | None, typer.Option(help="trajbert")] = None,
    curves: Annotated[Path | None, typer.Option(help="backbone")] = None,
) -> None:
    """Judge methods without a learned propagator on the test trajectories of WINDOWS, or natives and random chains."""
    see_to(windows, replica, out=out, curves=curves)
    files: dict[str, Any] = {"windows": windows, "replica": replica, "out": out, "curves": curves}
    stages.run("baselines", settings, family="trajbert", **files)


@app.command()
def summarize(files: list[Path], out: Out, family: Room = "kstep") -> None:
    """Join evaluations into one long table."""
    stages.run("summarize", family=family, files=files, out=out)


@app.command()
def figure(
    name: str,
    summary: Path,
    out: Out,
    curves: list[Path] = [],  # noqa: B006
    history: list[Path] = [],  # noqa: B006
    family: Room = "kstep",
) -> None:
    """Draw a figure of the report."""
    stages.run("figure", family=family, name=name, summary=summary, curves=curves, history=history, out=out)


@app.command()
def table(name: str, summary: Path, out: Out, failed: Path | None = None, family: Room = "kstep") -> None:
    """Write a table of the report as HTML; --failed adds failed jobs to that of dropped molecules."""
    stages.run("table", family=family, name=name, summary=summary, out=out, failed=failed)


@app.command()
def check(configuration: Path) -> None:
    """Read a configuration and its tables, and say what is wrong with them."""
    from mdsnake.project import read_project

    project = read_project(configuration)
    told = [f"{len(project.read_molecules())} molecules"]
    told += [f"{len(project.read_proteins())} proteins"] if project.backbone else []
    print(f"{configuration}: {', '.join(told)}, engines {', '.join(project.engines)}")


@app.command()
def schema(out: Out) -> None:
    """Write the JSON schema of the configuration."""
    from mdsnake.project import Project
    from mdsnake.store.atomic import write_text

    write_text(out, json.dumps(Project.model_json_schema(), indent=2) + "\n")


def see_to(*inputs: Path | None, **outputs: Path | None) -> None:
    """Before long work: each output can be a file where it is to be, and is no input and no other output."""
    taken = {Path(os.path.realpath(path)): str(path) for path in inputs if path}
    for option, path in outputs.items():
        if path is None:
            continue
        place = Path(os.path.realpath(path))  # which takes a link to itself, where `resolve` does not
        folder = next(parent for parent in place.parents if parent.exists())
        if place in taken:
            raise UserError(f"{path}: --{option}: the same file as {taken[place]}; name another")
        if place.is_dir() or not folder.is_dir():
            found = "a folder stands there" if place.is_dir() else f"{folder} is no folder"
            raise UserError(f"{path}: --{option}: {found}; name another path")
        taken[place] = f"--{option}"


def with_listed(arguments: list[str]) -> list[str]:
    """`arguments`, with the lines of FILE in place of `@FILE`: a command line has room for some thousand paths only."""
    listed = []
    for argument in arguments:
        if not argument.startswith("@"):
            listed.append(argument)
            continue
        try:
            listed += filter(None, Path(argument[1:]).read_text().split("\n"))
        except (OSError, ValueError) as error:
            raise UserError(f"{argument[1:]}: cannot be read as a list of arguments, one a line: {error}") from error
    return listed


def main() -> None:
    """Run a command.  A `UserError` is one line on stderr and exit status 1, or 75 where it is the time budget's; a
    command line that cannot be read is one line and 2.

    Ctrl-C is 130 and SIGTERM, a batch system's way to end a job, 143, whatever they break off.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    terminated = []

    def terminate(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one is enough, and tidying up should not be broken off
        terminated.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    sys.unraisablehook = _raise_again
    try:
        sys.exit(app(with_listed(sys.argv[1:]), standalone_mode=False))
    except BaseException as error:
        if what := getattr(error, "format_message", None):  # click's, of which typer has its own copy
            sys.exit(_told(f"{what()} See mdsnake --help", 2) if what() else 2)
        if terminated and getattr(error, "code", 1) != 0:
            sys.exit(_told("stopped from outside (SIGTERM); run it again to go on", 128 + signal.SIGTERM))
        if isinstance(error, OutOfTime):
            sys.exit(_told(error, os.EX_TEMPFAIL))
        if isinstance(error, UserError):
            sys.exit(f"error: {_line(error)}")
        if isinstance(error, MemoryError) or getattr(error, "errno", 0) == errno.ENOMEM:
            sys.exit("error: out of memory; give the job more and run it again to go on")
        if isinstance(error, KeyboardInterrupt):
            sys.exit(128 + signal.SIGINT)
        if isinstance(error, OSError) and error.filename:
            path = error.filename2 or error.filename
            sys.exit(f"error: {_line(path)}: {error.strerror}; name another path, or mend its rights")
        raise


def _raise_again(lost: "sys.UnraisableHookArgs") -> None:
    """See that a signal ends the work, too, where it came during a destructor, in which Python drops exceptions."""
    if lost.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(lost)
        return
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.01)


def _told(what: object, status: int) -> int:
    print(f"error: {_line(what)}", file=sys.stderr)
    return status


def _line(what: object) -> str:
    return " ".join(str(what).split())


if __name__ == "__main__":
    main()
