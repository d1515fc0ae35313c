"""What every stage may be told.  Imported when Snakemake parses, so it knows neither torch nor OpenMM."""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from mdsnake.errors import UserError
from mdsnake.inputs import parse, read_rows, read_yaml

#: Raise a stage's number when its results change; Snakemake then reruns it.
VERSIONS = {"screen": 2, "prepare": 1, "simulate": 1, "window": 2, "train": 9, "rollout": 13, "evaluate": 10}

#: Between two frames or in a burst: more are a mistyped time.
MOST_STEPS = 1e9
#: Folders of the results that no molecule may be named after.
RESERVED = re.compile(
    r"summary|figures|tables|logs|benchmarks?|report.*|kstep|trajbert|backbone|protvae|trajdiff", re.IGNORECASE
)
#: A path goes through Snakemake's patterns and a shell: what either gives a meaning to has no place in one.
PLAIN_PATH = re.compile(r"[\w./+=,()][\w ./+=@,()-]*")


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")
    return value


def plain_path(*wildcards: str) -> AfterValidator:
    """A rule for paths; what stands in braces for the molecule, the member and so on is one of `wildcards`."""

    def check(value: str) -> str:
        path = value
        for name in wildcards:
            path = path.replace(f"{{{name}}}", "")
        if not PLAIN_PATH.fullmatch(path) or max(map(len, value.encode().split(b"/"))) > 200:
            raise ValueError(
                "write a path of letters, digits, spaces and . _ + = @ , ( ) -, none of @ - in front, not long"
            )
        return os.path.normpath(value)

    return AfterValidator(check)


def _different(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("the same value twice; name each once")
    return values


Different = AfterValidator(_different)

# Numbers end at 10⁹: far above what makes sense, far below what fills a memory or a disk at once.
Int = Annotated[int, BeforeValidator(_no_truth)]
Float = Annotated[float, BeforeValidator(_no_truth)]
PositiveInt = Annotated[Int, Field(gt=0, le=10**9)]
NonNegativeInt = Annotated[Int, Field(ge=0, le=10**9)]
PositiveFloat = Annotated[Float, Field(gt=0, le=1e9)]
NonNegativeFloat = Annotated[Float, Field(ge=0, le=1e9)]
Fraction = Annotated[Float, Field(ge=0, le=1)]
Seed = Annotated[Int, Field(ge=0, lt=2**32)]
Seeds = Annotated[list[Seed], Field(min_length=1), Different]
PlainPath = Annotated[str, plain_path()]
Split = Literal["train", "validation", "test"]


class Settings(BaseModel):
    """Base of every section: unknown keys are errors, numbers are finite, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _free(name: str) -> str:
    if RESERVED.fullmatch(name):
        raise ValueError("the name is reserved for results; choose another")
    return name


def _varied(name: str) -> str:
    if re.search(r"(.+)\1{19}$", name):
        raise ValueError("it ends in the same letters twenty times, which Snakemake takes for a loop; choose another")
    return name


#: A rule for names, of which paths are made.
Varied = AfterValidator(_varied)


class Molecule(Settings):
    """A row of the molecules table."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100), AfterValidator(_free), Varied]
    smiles: Annotated[str, Field(pattern=r"^[!-~]+$", max_length=1000)]
    charge: Annotated[Int, Field(ge=-99, le=99)] | None = None
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
    friction_per_ps: PositiveFloat | None = Field(None, description="of the dynamics between them; none: the engine's")
    start: str | None = Field(
        None,
        description="engine whose bursts these start from, each from another place, with velocities of its own; none: "
        "one after the other along one trajectory",
    )

    def check(self, timestep_fs: float) -> None:
        """`ValueError` where they are too many steps to run."""
        if max(self.length_fs, 1e3 * self.spacing_ps) > MOST_STEPS * timestep_fs:
            raise ValueError("timestep_fs: more than 10⁹ steps in a burst or between two; lengthen it")


class PlainEngine(Settings):
    """A source of forces and the dynamics run with it: all that a replica or a roll-out depends on."""

    potential: Literal["openmm", "ase"]
    calculator: str = Field(
        "tblite:GFN2-xTB",
        pattern=r"^[A-Za-z_][\w.]*:[\w.+-]+$",
        description="ase only: tblite:METHOD, xtb:METHOD or module:callable",
    )
    platform: str = Field("auto", description="openmm only: auto, Reference, CPU, CUDA, OpenCL or HIP")
    constraints: Literal["none", "hbonds"] = Field("none", description="openmm only: bonds to hydrogen kept rigid")
    timestep_fs: PositiveFloat
    friction_per_ps: PositiveFloat
    temperature_K: PositiveFloat = 300.0
    equilibration_ps: PositiveFloat
    production_ps: PositiveFloat
    record_fs: PositiveFloat = Field(description="time between two stored frames of a replica")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.potential == "ase" and self.constraints != "none":
            raise ValueError("constraints need potential: openmm")
        if self.record_fs > MOST_STEPS * self.timestep_fs:
            raise ValueError("timestep_fs: more than 10⁹ steps between two frames; lengthen it")
        steps = self.record_fs / self.timestep_fs
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-6:
            raise ValueError("record_fs must be a multiple of timestep_fs")
        return self


class Engine(PlainEngine):
    """A source of forces, the dynamics run with it, and how many runs."""

    replicas: Annotated[Int, Field(ge=2, le=1000)] = Field(
        2, description="independent runs; the second is the noise floor"
    )
    bursts: Bursts

    @property
    def plain(self) -> PlainEngine:
        """The engine as each run is told it, so that more runs leave those there are as they are."""
        return PlainEngine.model_validate(self.model_dump(include=set(PlainEngine.model_fields)))

    @model_validator(mode="after")
    def _bursts_can_be_run(self) -> Self:
        self.bursts.check(self.timestep_fs)
        return self


class Training(Settings):
    """The one trainer's settings, the same for every family."""

    batch_size: PositiveInt = 128
    max_steps: PositiveInt = 2000
    optimizer: Literal["adamw", "muon"] = Field(
        "adamw", description="muon learns forces in a fifth of the steps, at a learning_rate of some 0.01"
    )
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
    devices: Annotated[Int, Field(ge=1, le=1024)] = Field(1, description="processes, or GPUs, for distributed training")


class Base(Settings):
    """The sections shared by all families."""

    seed: Seed = 0
    results: PlainPath = "results"
    molecules: PlainPath = Field("config/molecules.tsv", description="table of molecules")
    forcefield: Annotated[str, plain_path("molecule")] = Field(
        "mmff94", description="mmff94, openff-2.3.0, openff-2.2.1 or an OpenMM XML with {molecule}"
    )
    split: SplitFractions = SplitFractions()
    engines: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*$", max_length=30), Varied], Engine], Field(min_length=1)
    ]
    device: Literal["auto", "cpu", "cuda"] = "auto"
    exclude_failed: bool = Field(False, description="go on without the molecules of summary/failed.csv")


class ScreenSettings(Settings):
    """`mdsnake screen`."""

    forcefield: str
    split: SplitFractions
    engines: list[str]
    seed: Seed


class PrepareSettings(Settings):
    """`mdsnake prepare`."""

    molecule: Molecule
    forcefield: str
    seed: Seed


class SimulateSettings(Settings):
    """`mdsnake simulate`."""

    name: str
    engine: PlainEngine
    bursts: Bursts | None = Field(None, description="of a run of bursts")
    seed: Seed

    @property
    def thermostatted(self) -> PlainEngine:
        """The engine with the friction of this run."""
        friction = self.bursts and self.bursts.friction_per_ps
        return self.engine.model_copy(update={"friction_per_ps": friction}) if friction else self.engine

    @model_validator(mode="after")
    def _bursts_can_be_run(self) -> Self:
        if self.bursts:
            self.bursts.check(self.engine.timestep_fs)
        return self


S = TypeVar("S", bound=Settings)


def settings_data(text_or_path: str) -> tuple[Any, str]:
    """What JSON text, or a YAML or JSON file, holds, and what to call it.

    A command line carries JSON (it begins with a brace); a person passes a file.
    """
    if not text_or_path.lstrip().startswith("{"):
        return read_yaml(text_or_path, "no such settings file"), text_or_path
    try:
        return json.loads(text_or_path), "--settings"
    except (ValueError, RecursionError) as error:
        raise UserError(f"--settings: not valid JSON: {error}; quote it as a whole, or pass a file") from error


def read_settings(model: type[S], text_or_path: str) -> S:
    """Settings from JSON text, or from a YAML or JSON file."""
    return parse(model, *settings_data(text_or_path))


def read_table(path: str | Path, row: type[S] = Molecule) -> list[S]:  # type: ignore[assignment]
    """Rows of a tab-separated table with a header; `#` starts a comment line, names are unique."""
    rows, names = [], set()
    needed = [name for name, field in row.model_fields.items() if field.is_required()]
    records = read_rows(path, "no such table", needed, row.model_fields, "\t")
    for number, record in enumerate(records, start=1):
        where = f"{path}: row {number} ({record['name'][:100] or 'no name'})"
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
        raise UserError(f"{path}: the table has no rows; give each {row.__name__.lower()} one")
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
