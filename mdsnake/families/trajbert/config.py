"""Settings of the trajectory models: surfaces, dynamics on them, and what is learned of them.

Every quantity is dimensionless, as the surface is.
"""

from typing import Annotated, Literal, Self, TypedDict

from pydantic import Field, model_validator

from mdsnake.config import (
    Int,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    Seed,
    Seeds,
    Settings,
    Training,
    Varied,
)

Size = Literal["small", "medium", "large"]
Mode = Literal["causal", "bidirectional"]
Head = Literal["mixture", "mse"]
#: How a trajectory is generated: by draws from the predicted density, or by its mean.
How = Literal["sampled", "deterministic"]
Run = Literal["train", "validation", "test", "replica0", "replica1"]
Baseline = Literal["nearest-basin", "linear", "msm", "tica", "vampnet"]
#: Rows of the table of positions, of which a frame of a window takes one.
MOST_FRAMES = 1024
Length = Annotated[Int, Field(ge=2, le=MOST_FRAMES)]
Width = Annotated[Int, Field(gt=0, le=4096)]


class _Shape(TypedDict):
    width: int
    layers: int
    feed_forward: int
    attention_heads: int


#: The published sizes; the heads, which no parameter count tells, are ours.
SIZES: dict[Size, _Shape] = {
    "small": {"width": 16, "layers": 4, "feed_forward": 128, "attention_heads": 4},
    "medium": {"width": 64, "layers": 8, "feed_forward": 256, "attention_heads": 8},
    "large": {"width": 120, "layers": 12, "feed_forward": 512, "attention_heads": 12},
}


class System(Settings):
    """A surface and the dynamics on it."""

    surface: Literal["mueller-brown"] = "mueller-brown"
    kT: Annotated[PositiveFloat, Field(ge=5, le=25)] = Field(
        description="below 5 the exact rates drown in rounding, above 25 walkers leave the box of the exact reference"
    )
    dynamics: Literal["overdamped", "langevin"] = Field(
        "overdamped", description="overdamped: friction 1, no velocities; langevin: mass 1, by BAOAB"
    )
    friction: PositiveFloat | None = Field(None, description="langevin only")
    timestep: Annotated[PositiveFloat, Field(le=0.1)]
    record: PositiveFloat = Field(description="time between two frames")

    @model_validator(mode="after")
    def _consistent(self) -> "System":
        if (self.dynamics == "langevin") != (self.friction is not None):
            raise ValueError("friction: langevin dynamics needs one, overdamped dynamics has none")
        if self.dynamics == "overdamped" and self.timestep > 2e-4:
            raise ValueError("timestep: overdamped dynamics needs 2.0e-4 or less")
        steps = self.record / self.timestep
        if not 1 - 1e-6 < steps < 1e9 or abs(steps - round(steps)) > 1e-6 * steps:
            raise ValueError("record must be a multiple of timestep")
        return self

    @property
    def overdamped(self) -> bool:
        """Whether rates and committor are known exactly."""
        return self.friction is None

    @property
    def steps_per_frame(self) -> int:
        return round(self.record / self.timestep)


class _Run(Settings):
    walkers: PositiveInt
    frames: PositiveInt

    @model_validator(mode="after")
    def _fits_a_disk(self) -> Self:
        if self.walkers * self.frames > 10**9:
            raise ValueError("walkers times frames must not be above 10⁹")
        return self


class Extent(_Run):
    """Walkers, and frames of each, the first included."""

    frames: Annotated[Int, Field(ge=3, le=10**7)]


class Trajectories(Settings):
    """The runs: splits, whose walkers start at random points, and the reference, whose walkers start at equilibrium.

    Short trajectories of many walkers teach best: it is on their way down that they see the heights.
    """

    train: Extent = Extent(walkers=4096, frames=193)
    validation: Extent = Extent(walkers=256, frames=193)
    test: Extent = Extent(walkers=64, frames=1025)
    reference: Extent = Field(
        Extent(walkers=128, frames=5000), description="of each of two runs; the second is what roll-outs go on from"
    )

    def of(self, run: Run) -> Extent:
        return self.reference if run in ("replica0", "replica1") else getattr(self, run)


class Window(Settings):
    """What a model sees at once: `length` frames; the one after is told too, to be predicted."""

    length: Length = 128
    shortest: Length | None = Field(
        None, description="windows of a batch in training are cut to a random length from this on; none: never cut"
    )
    stride: PositiveInt = Field(64, description="frames between the starts of two windows of a trajectory")
    first_only: bool = Field(
        False, description="train on the first window of each trajectory alone, as we read the original"
    )

    @model_validator(mode="after")
    def _shortest_is_short(self) -> "Window":
        if self.shortest is not None and self.shortest > self.length:
            raise ValueError("shortest must not be above length")
        return self


class Mixture(Settings):
    """The density of a step that the head `mixture` predicts: a sum of Gaussians."""

    components: Annotated[Int, Field(ge=1, le=64)] = 4
    covariance: Literal["full", "diagonal"] = "full"


class Network(Mixture):
    """Architecture of a member."""

    mode: Mode
    head: Head
    width: Width
    layers: Annotated[Int, Field(gt=0, le=100)]
    feed_forward: Width
    attention_heads: PositiveInt

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "Network":
        if self.width % self.attention_heads:
            raise ValueError("width must be a multiple of attention_heads")
        return self

    @property
    def hows(self) -> list[How]:
        """What its head can generate."""
        return ["sampled", "deterministic"] if self.head == "mixture" else ["deterministic"]


class LossWeights(Settings):
    """Weights of the parts of the objective: γ and λ of the original."""

    trajectory: NonNegativeFloat = Field(1.0, description="of the next frame: squared error, or −log of its density")
    state: NonNegativeFloat = Field(1.0, description="of the basin that is entered next: cross-entropy")


class Rollout(_Run):
    """What a model generates."""

    walkers: PositiveInt = Field(64, description="trajectories generated side by side")
    frames: PositiveInt = Field(5000, description="generated for each")
    prompt: Length = Field(
        128, description="causal models: frames of the reference that it goes on from; bidirectional ones take a window"
    )
    slide: PositiveInt = Field(
        1,
        description="causal models: frames added before as many are dropped in front; 1 is the sliding window of the "
        "original, more let them keep what they have computed",
    )

    def of(self, mode: Mode, length: int) -> Self:
        """What a mode makes of it: bidirectional models compute all anew for each frame, so they see whole windows."""
        return self if mode == "causal" else self.model_copy(update={"prompt": length, "slide": 1})


class Trajbert(Settings):
    """The trajbert section of the configuration."""

    systems: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=60), Varied], System], Field(min_length=1)
    ]
    trajectories: Trajectories = Trajectories()
    window: Window = Window()
    sizes: Annotated[list[Size], Field(min_length=1)] = ["small"]
    modes: Annotated[list[Mode], Field(min_length=1)] = ["causal", "bidirectional"]
    heads: Annotated[list[Head], Field(min_length=1)] = ["mixture", "mse"]
    mixture: Mixture = Mixture()
    train: Training = Training()
    loss: LossWeights = LossWeights()
    rollout: Rollout = Rollout()
    baselines: list[Baseline] = ["nearest-basin", "linear", "msm", "tica", "vampnet"]
    seeds: Seeds = [0]

    @model_validator(mode="after")
    def _lengths_fit(self) -> "Trajbert":
        for split in ("train", "validation", "test"):
            if self.window.length >= self.trajectories.of(split).frames:
                raise ValueError(f"window.length must be less than trajectories.{split}.frames")
        reference, most = self.trajectories.reference, max(self.rollout.frames, self.rollout.prompt, self.window.length)
        if reference.walkers < self.rollout.walkers or reference.frames < most:
            raise ValueError("trajectories.reference: fewer walkers or frames than a rollout has; raise them")
        if self.rollout.prompt + self.rollout.slide - 1 > self.window.length:
            raise ValueError("rollout: prompt + slide - 1 must not be above window.length: no model has seen more")
        return self

    @property
    def members(self) -> list[str]:
        return [f"{size}-{mode}-{head}" for size in self.sizes for mode in self.modes for head in self.heads]

    def network(self, member: str) -> Network:
        """The architecture of a member, by its name."""
        size, mode, head = member.split("-")
        return Network.model_validate(
            {**SIZES[size], "mode": mode, "head": head, **self.mixture.model_dump()}  # type: ignore[index]
        )


class PrepareSettings(Settings):
    """`mdsnake prepare`."""

    family: Literal["trajbert"] = "trajbert"
    name: str
    system: System


class SimulateSettings(Settings):
    """`mdsnake simulate`."""

    family: Literal["trajbert"] = "trajbert"
    name: str
    system: System
    extent: Extent
    seed: Seed


class WindowSettings(Settings):
    """`mdsnake window`, and what windows and the models trained on them are for: `about` of the window index."""

    family: Literal["trajbert"] = "trajbert"
    name: str
    system: System
    window: Window


class TrainSettings(Settings):
    """`mdsnake train`."""

    family: Literal["trajbert"] = "trajbert"
    member: str
    network: Network
    loss: LossWeights
    training: Training
    seed: Seed


class RolloutSettings(Settings):
    """`mdsnake rollout`."""

    family: Literal["trajbert"] = "trajbert"
    name: str
    system: System
    member: str
    how: How
    rollout: Rollout
    seed: Seed
