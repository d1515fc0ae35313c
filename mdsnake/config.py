"""What every stage may be told.  Imported when Snakemake parses, so it knows neither torch nor OpenMM."""

import csv
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from mdsnake.errors import UserError

#: Raise a stage's number when its results change; Snakemake then reruns it.
VERSIONS = {"screen": 1, "prepare": 1, "simulate": 1, "window": 1, "train": 2, "rollout": 2, "evaluate": 1}

Split = Literal["train", "validation", "test"]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """Base of every section: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Molecule(Settings):
    """A row of the molecules table."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    smiles: Annotated[str, Field(min_length=1)]
    charge: int | None = None
    multiplicity: PositiveInt | None = None
    split: Split | None = None
    engines: list[str] | None = Field(None, description="engines to run it with; all when empty")


class SplitFractions(Settings):
    """How molecules without a split of their own are shared out."""

    train: Fraction = 0.70
    validation: Fraction = 0.15
    test: Fraction = 0.15

    @model_validator(mode="after")
    def _sum_to_one(self) -> "SplitFractions":
        if abs(self.train + self.validation + self.test - 1) > 1e-6:
            raise ValueError("the three fractions must add up to 1")
        return self


class Bursts(Settings):
    """Short NVE trajectories from thermalised states: the training data."""

    count: PositiveInt = Field(description="number of bursts per molecule")
    length_fs: PositiveFloat = Field(description="length of one burst; every step is kept")
    spacing_ps: PositiveFloat = Field(description="thermostatted dynamics between two bursts")


class Engine(Settings):
    """A source of forces and the dynamics run with it."""

    potential: Literal["openmm", "ase"]
    calculator: str = Field("tblite:GFN2-xTB", description="ase only: tblite:METHOD, xtb:METHOD or module:callable")
    platform: str = Field("auto", description="openmm only: auto, Reference, CPU, CUDA, OpenCL or HIP")
    constraints: Literal["none", "hbonds"] = Field("none", description="openmm only: bonds to hydrogen kept rigid")
    timestep_fs: PositiveFloat
    friction_per_ps: PositiveFloat
    temperature_K: PositiveFloat = 300.0
    equilibration_ps: PositiveFloat
    production_ps: PositiveFloat
    record_fs: PositiveFloat = Field(description="time between two stored frames of a replica")
    replicas: Annotated[int, Field(ge=2)] = Field(2, description="independent runs; the second is the noise floor")
    bursts: Bursts

    @model_validator(mode="after")
    def _consistent(self) -> "Engine":
        if self.potential == "ase" and self.constraints != "none":
            raise ValueError("constraints need potential: openmm")
        steps = self.record_fs / self.timestep_fs
        if abs(steps - round(steps)) > 1e-6:
            raise ValueError("record_fs must be a multiple of timestep_fs")
        return self


class Training(Settings):
    """The one trainer's settings, the same for every family."""

    batch_size: PositiveInt = 128
    max_steps: PositiveInt = 2000
    learning_rate: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 1e-5
    warmup_steps: NonNegativeInt = 100
    final_learning_rate: Fraction = Field(0.01, description="end of the cosine, as a fraction of learning_rate")
    gradient_clip: PositiveFloat = 1.0
    accumulate_batches: PositiveInt = 1
    precision: Literal["32", "16-mixed", "bf16-mixed"] = "32"
    ema_decay: Fraction = 0.999
    validate_every: PositiveInt = Field(200, description="steps between two validations")
    patience: PositiveInt = Field(20, description="validations without improvement before an early stop")
    devices: PositiveInt = Field(1, description="processes, or GPUs, for distributed training")


class Base(Settings):
    """The sections shared by all families."""

    seed: NonNegativeInt = 0
    results: str = "results"
    molecules: str = Field("config/molecules.tsv", description="table of molecules")
    forcefield: str = Field("mmff94", description="mmff94, openff-2.3.0, openff-2.2.1 or an OpenMM XML with {molecule}")
    split: SplitFractions = SplitFractions()
    engines: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*$")], Engine]
    device: Literal["auto", "cpu", "cuda"] = "auto"


class ScreenSettings(Settings):
    """`mdsnake screen`."""

    forcefield: str
    split: SplitFractions
    engines: list[str]
    seed: NonNegativeInt


class PrepareSettings(Settings):
    """`mdsnake prepare`."""

    molecule: Molecule
    forcefield: str
    seed: NonNegativeInt


class SimulateSettings(Settings):
    """`mdsnake simulate`."""

    name: str
    engine: Engine
    seed: NonNegativeInt


S = TypeVar("S", bound=Settings)


def one_line(error: ValidationError, source: str) -> str:
    """The first fault of `error` as `source: key: what`."""
    # A misspelt key shows twice, as one too many and one that lacks; the first is the one to tell.
    first = min(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in first["loc"]) or "configuration"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "unknown key; remove it or mend its spelling"
    more = error.error_count() - 1
    return f"{source}: {key}: {message}" + (f" (and {more} more)" if more else "")


def parse(model: type[S], data: Any, source: str) -> S:
    """`data` as a `model`, or a `UserError` of one line that names `source` and the key."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UserError(one_line(error, source)) from error


def read_settings(model: type[S], text_or_path: str) -> S:
    """Settings from JSON text, or from a YAML or JSON file.

    A command line carries JSON (it begins with a brace); a person passes a file.
    """
    if text_or_path.lstrip().startswith("{"):
        try:
            return parse(model, json.loads(text_or_path), "--settings")
        except json.JSONDecodeError as error:
            raise UserError(f"--settings: not valid JSON: {error}; quote it as a whole, or pass a file") from error
    path = Path(text_or_path)
    if not path.is_file():
        raise UserError(f"{path}: no such settings file")
    try:
        return parse(model, yaml.safe_load(path.read_text()), str(path))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error


def read_table(path: str | Path, row: type[S] = Molecule) -> list[S]:  # type: ignore[assignment]
    """Rows of a tab-separated table with a header; `#` starts a comment line, names are unique."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such table")
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    rows, names = [], set()
    for number, record in enumerate(csv.DictReader(lines, delimiter="\t"), start=1):
        where = f"{path}: row {number} ({record.get('name') or 'no name'})"
        if None in record or None in record.values():
            raise UserError(f"{where}: as many columns as the header are needed, separated by tabs")
        cells: dict[str, Any] = {key: value.strip() for key, value in record.items() if value.strip()}
        if "engines" in cells:
            cells["engines"] = [engine.strip() for engine in cells["engines"].split(",")]
        parsed = parse(row, cells, where)
        name = parsed.name  # type: ignore[attr-defined]
        if name.lower() in names:
            raise UserError(f"{where}: the name is taken by an earlier row; names are unique whatever their case")
        names.add(name.lower())
        rows.append(parsed)
    if not rows:
        raise UserError(f"{path}: the table has no rows")
    return rows


def assign_splits(molecules: Iterable[Molecule], fractions: SplitFractions, seed: int) -> dict[str, Split]:
    """Split by molecule: a row's own split where it has one, the rest shared out by `fractions`.

    The order of the rows does not matter, so adding one moves as few others as the fractions allow.
    """
    from mdsnake.seeds import seed_sequence

    molecules = list(molecules)
    splits: dict[str, Split] = {m.name: m.split for m in molecules if m.split}
    free = sorted(
        (m.name for m in molecules if not m.split),
        key=lambda name: int(seed_sequence(seed, name).generate_state(1)[0]),
    )
    wanted = {"train": fractions.train, "validation": fractions.validation, "test": fractions.test}
    for name in free:
        counts = {split: sum(s == split for s in splits.values()) for split in wanted}
        lacking = max(wanted, key=lambda split: wanted[split] * len(molecules) - counts[split])
        splits[name] = lacking  # type: ignore[assignment]
    return splits


def slug_is_reserved(name: str) -> bool:
    """Whether a molecule of this name would collide with a folder of the workflow."""
    return re.fullmatch(r"summary|figures|report.*|kstep|trajbert|backbone|protvae|trajdiff", name.lower()) is not None
