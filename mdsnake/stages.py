"""Which function does a stage for which family, and the settings it reads.  Each is imported when it runs."""

from importlib import import_module
from inspect import Parameter, signature
from typing import Any, get_args

from mdsnake import config
from mdsnake.errors import UserError
from mdsnake.evaluate import config as evaluate
from mdsnake.families.backbone import config as backbone
from mdsnake.families.kstep import config as kstep
from mdsnake.families.trajbert import config as trajbert
from mdsnake.inputs import parse

Stage = dict[str, tuple[type[config.Settings] | None, str]]

STAGES: dict[str, Stage] = {
    "prepare": {
        "kstep": (config.PrepareSettings, "mdsnake.prepare.stage:prepare"),
        "trajbert": (trajbert.PrepareSettings, "mdsnake.prepare.surface:prepare_surface"),
        "backbone": (backbone.PrepareSettings, "mdsnake.prepare.proteins:prepare_protein"),
    },
    "simulate": {
        "kstep": (config.SimulateSettings, "mdsnake.simulate.stage:simulate"),
        "trajbert": (trajbert.SimulateSettings, "mdsnake.simulate.surface:simulate_surface"),
    },
    "window": {
        "kstep": (kstep.WindowSettings, "mdsnake.window.stage:window"),
        "trajbert": (trajbert.WindowSettings, "mdsnake.window.surface:window_surface"),
        "backbone": (backbone.WindowSettings, "mdsnake.window.proteins:window_proteins"),
    },
    "train": {
        "kstep": (kstep.TrainSettings, "mdsnake.train.stage:train"),
        "trajbert": (trajbert.TrainSettings, "mdsnake.train.stage:train"),
        "backbone": (backbone.TrainSettings, "mdsnake.train.stage:train"),
    },
    "rollout": {
        "kstep": (kstep.RolloutSettings, "mdsnake.rollout.stage:rollout"),
        "trajbert": (trajbert.RolloutSettings, "mdsnake.rollout.surface:rollout_surface"),
        "backbone": (backbone.RolloutSettings, "mdsnake.rollout.proteins:rollout_proteins"),
    },
    "evaluate": {
        "kstep": (evaluate.EvaluateSettings, "mdsnake.evaluate.stage:evaluate"),
        "trajbert": (evaluate.SurfaceSettings, "mdsnake.evaluate.surface.stage:evaluate_surface"),
        "backbone": (evaluate.BackboneSettings, "mdsnake.evaluate.proteins.stage:evaluate_proteins"),
    },
    "baselines": {
        "trajbert": (evaluate.BaselineSettings, "mdsnake.evaluate.surface.baselines:baselines"),
        "backbone": (evaluate.BackboneBaselineSettings, "mdsnake.evaluate.proteins.baselines:baselines_proteins"),
    },
    "summarize": {
        "kstep": (None, "mdsnake.evaluate.summary:summarize"),
        "trajbert": (None, "mdsnake.evaluate.summary:summarize_scores"),
        "backbone": (None, "mdsnake.evaluate.proteins.summary:summarize_proteins"),
    },
    "figure": {
        "kstep": (None, "mdsnake.evaluate.figures:figure"),
        "trajbert": (None, "mdsnake.evaluate.surface.figures:figure"),
        "backbone": (None, "mdsnake.evaluate.proteins.figures:figure"),
    },
    "table": {
        "kstep": (None, "mdsnake.evaluate.tables:table"),
        "trajbert": (None, "mdsnake.evaluate.surface.tables:table"),
        "backbone": (None, "mdsnake.evaluate.proteins.tables:table"),
    },
}


def run(stage: str, settings: str | None = None, /, *, family: str = "kstep", **options: Any) -> None:
    """Do `stage` for the family that `settings`, JSON text or the path of a file, name by their key `family`.

    Of `options`, those that are None were not given; a family's function takes the others by their names.

    Raises
    ------
    UserError
        There is no such family, the settings are not its own, or an option lacks or is one too many.
    """
    data: Any = {}
    if settings is not None:
        data, source = config.settings_data(settings)
        family = data.get("family", family) if isinstance(data, dict) else family
    if not isinstance(family, str) or family not in STAGES[stage]:
        raise UserError(f"{stage}: family: no {family!r} here; choose from {', '.join(STAGES[stage])}")
    kind, where = STAGES[stage][family]
    if kind:
        if isinstance(data, dict) and "family" not in kind.model_fields:
            data = {key: value for key, value in data.items() if key != "family"}
        options["settings"] = parse(kind, data, source)
    module, _, name = where.partition(":")
    function = getattr(import_module(module), name)
    taken = signature(function).parameters
    for option, value in options.items():
        if value is not None and option not in taken:
            raise UserError(f"{stage}: --{option}: {family} has no use for it; leave it out")
    needed = [option for option, parameter in taken.items() if parameter.default is Parameter.empty]
    for option in needed:
        if options.get(option) is None and type(None) not in get_args(taken[option].annotation):
            raise UserError(f"{stage}: --{option}: {family} needs it; give it")
    function(**{option: options.get(option) for option in taken if option in needed or options.get(option) is not None})
