"""`mdsnake <stage> …`: the only place that parses arguments.  Each command imports what it needs when it runs."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from mdsnake import config
from mdsnake.errors import UserError
from mdsnake.families.kstep import config as kstep

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

Text = Annotated[str, typer.Option("--settings", help="JSON text, or a YAML or JSON file")]
Out = Annotated[Path, typer.Option("--out", help="file or folder to write")]
Work = Annotated[Path, typer.Option("--work", help="scratch folder that an interrupted run goes on from")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda")]
File = Annotated[Path, typer.Option()]
Prepared = Annotated[Path, typer.Argument(help="folder written by `mdsnake prepare`")]


@app.command()
def screen(table: Path, settings: Text, out: Out, processes: int = 1) -> None:
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
    prepared: Prepared, settings: Text, out: Out, work: Work, replica: int | None = None, bursts: bool = False
) -> None:
    """Run a thermostatted replica (--replica N), or NVE bursts for training (--bursts)."""
    from mdsnake.simulate.stage import simulate_bursts, simulate_replica

    parsed = config.read_settings(config.SimulateSettings, settings)
    if bursts == (replica is not None):
        raise UserError("simulate: give either --replica N or --bursts")
    if replica is None:
        simulate_bursts(prepared, parsed, out, work)
    else:
        simulate_replica(prepared, parsed, replica, out, work)


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
    pretrained: Path | None = None,
    device: Device = "auto",
) -> None:
    """Train a model on WINDOWS, perhaps from the weights of another (--pretrained)."""
    from mdsnake.train.stage import train

    train(windows, config.read_settings(kstep.TrainSettings, settings), pretrained, out, history, work, device)


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
) -> None:
    """Propagate a molecule with a learned member or a control."""
    from mdsnake.rollout.stage import rollout

    parsed = config.read_settings(kstep.RolloutSettings, settings)
    rollout(prepared, parsed, config.read_settings(config.Engine, engine), start, model, out, nve, work, device)


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
def table(name: str, summary: Path, out: Out) -> None:
    """Write a table of the report as HTML."""
    from mdsnake.evaluate.tables import table

    table(name, summary, out)


@app.command()
def schema(out: Out) -> None:
    """Write the JSON schema of the configuration."""
    from mdsnake.project import Project
    from mdsnake.store.atomic import write_text

    write_text(out, json.dumps(Project.model_json_schema(), indent=2) + "\n")


def main() -> None:
    """Run a command; a `UserError` is one line on stderr and exit status 1, Ctrl-C is 130."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        app()
    except UserError as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
