"""`mdsnake <stage> …`: the only place that parses arguments.  Each command imports what it needs when it runs."""

import errno
import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from mdsnake import config
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
Prepared = Annotated[Path, typer.Argument(help="folder written by `mdsnake prepare`")]


@app.command()
def screen(table: Path, settings: Text, out: Out, processes: Annotated[int, typer.Option(min=1)] = 1) -> None:
    """Try every molecule of TABLE and say which can be prepared, with the reason where one cannot."""
    from mdsnake.prepare.stage import screen

    screen(table, config.read_settings(config.ScreenSettings, settings), out, processes)


@app.command()
def prepare(settings: Text, out: Out) -> None:
    """Embed, minimise and parametrise a molecule."""
    from mdsnake.prepare.stage import prepare

    prepare(config.read_settings(config.PrepareSettings, settings), out)


@app.command()
def simulate(
    prepared: Prepared,
    settings: Text,
    out: Out,
    work: Work,
    replica: Annotated[int | None, typer.Option(min=0)] = None,
    bursts: bool = False,
    time_budget: Minutes = None,
) -> None:
    """Run a thermostatted replica (--replica N), or NVE bursts for training (--bursts)."""
    budget = Budget(time_budget)
    see_to(out=out)
    from mdsnake.simulate.stage import simulate_bursts, simulate_replica

    parsed = config.read_settings(config.SimulateSettings, settings)
    if bursts == (replica is not None):
        raise UserError("simulate: give either --replica N or --bursts")
    if replica is None:
        simulate_bursts(prepared, parsed, out, work, budget)
    else:
        simulate_replica(prepared, parsed, replica, out, work, budget)


@app.command()
def window(
    settings: Text,
    out: Out,
    prepared: Annotated[list[Path], typer.Option(help="folder of `mdsnake prepare`; once for each molecule")],
    bursts: Annotated[list[Path], typer.Option(help="its bursts, in the same order")],
) -> None:
    """List the k-step windows of all molecules by frame index."""
    from mdsnake.window.stage import window

    if len(prepared) != len(bursts):
        raise UserError("window: give one --bursts for each --prepared")
    window(config.read_settings(kstep.WindowSettings, settings), prepared, bursts, out)


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
    from mdsnake.train.stage import train

    parsed = config.read_settings(kstep.TrainSettings, settings)
    train(windows, parsed, init, out, history, work, device, budget)


@app.command()
def rollout(
    prepared: Prepared,
    settings: Text,
    engine: Annotated[str, typer.Option(help="the engine's settings, as --settings")],
    start: Annotated[Path, typer.Option(help="trajectory of the reference, on which the walkers start")],
    out: Out,
    nve: Annotated[Path, typer.Option(help="the run without thermostat to write")],
    work: Work,
    model: Path | None = None,
    device: Device = "auto",
    time_budget: Minutes = None,
) -> None:
    """Propagate a molecule with a learned member or a control."""
    budget = Budget(time_budget)
    see_to(start, out=out, nve=nve)
    from mdsnake.rollout.stage import rollout

    parsed = config.read_settings(kstep.RolloutSettings, settings)
    read = config.read_settings(config.Engine, engine)
    rollout(prepared, parsed, read, start, model, out, nve, work, device, budget)


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
    prepared: Prepared,
    settings: Text,
    rollout: File,
    nve: File,
    reference: File,
    replica: File,
    out: Out,
    curves: File,
    history: Path | None = None,
) -> None:
    """Judge a roll-out beside its reference and the noise floor."""
    see_to(rollout, nve, reference, replica, out=out, curves=curves)
    from mdsnake.evaluate.config import EvaluateSettings
    from mdsnake.evaluate.stage import evaluate

    parsed = config.read_settings(EvaluateSettings, settings)
    evaluate(prepared, parsed, rollout, nve, reference, replica, history, out, curves)


@app.command()
def summarize(files: list[Path], out: Out) -> None:
    """Join evaluations into one long table."""
    from mdsnake.evaluate.summary import summarize

    summarize(files, out)


@app.command()
def figure(
    name: str,
    summary: Path,
    out: Out,
    curves: list[Path] = [],  # noqa: B006
    history: list[Path] = [],  # noqa: B006
) -> None:
    """Draw a figure of the report."""
    from mdsnake.evaluate.figures import figure

    figure(name, summary, curves, history, out)


@app.command()
def table(name: str, summary: Path, out: Out, failed: Path | None = None) -> None:
    """Write a table of the report as HTML; --failed adds failed jobs to that of dropped molecules."""
    from mdsnake.evaluate.tables import table

    table(name, summary, out, failed)


@app.command()
def check(configuration: Path) -> None:
    """Read a configuration and its table of molecules, and say what is wrong with them."""
    from mdsnake.project import read_project

    project = read_project(configuration)
    print(f"{configuration}: {len(project.read_molecules())} molecules, engines {', '.join(project.engines)}")


@app.command()
def schema(out: Out) -> None:
    """Write the JSON schema of the configuration."""
    from mdsnake.project import Project
    from mdsnake.store.atomic import write_text

    write_text(out, json.dumps(Project.model_json_schema(), indent=2) + "\n")


def see_to(*inputs: Path, **outputs: Path) -> None:
    """Before long work: each output can be a file where it is to be, and is no input and no other output."""
    taken = {path.resolve(): str(path) for path in inputs}
    for option, path in outputs.items():
        place = path.resolve()
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


def _told(what: object, status: int) -> int:
    print(f"error: {_line(what)}", file=sys.stderr)
    return status


def _line(what: object) -> str:
    return " ".join(str(what).split())


if __name__ == "__main__":
    main()
