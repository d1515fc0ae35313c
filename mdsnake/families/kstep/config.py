"""Settings of the k-step propagators."""

import math
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from mdsnake.config import (
    Fraction,
    Int,
    NonNegativeFloat,
    NonNegativeInt,
    PlainEngine,
    PositiveFloat,
    PositiveInt,
    Seed,
    Seeds,
    Settings,
    Split,
    Training,
    Varied,
    plain_path,
)

#: Propagators without a network; every learned member is judged beside them.
Control = Literal["zero", "ballistic", "verlet", "verlet-double", "verlet-stable", "hmc", "hmc-mm", "respa"]
CONTROLS: tuple[Control, ...] = get_args(Control)
#: Those that refuse rigid bonds.
FLEXIBLE_CONTROLS: tuple[Control, ...] = ("hmc", "hmc-mm", "respa")
MOST_WALKERS = 64
#: Sizes of batches: halves of up to 128 walkers, down to one.
MOST_COMPILED = 8
#: Drifts of a block of the learned integrator, and how long they may be on average.
STAGES = 3
LONGEST_DRIFT_FS = {"none": 1.4, "hbonds": 2.8}


Depth = Annotated[Int, Field(gt=0, le=100)]
Width = Annotated[Int, Field(gt=0, le=4096)]


class Network(Settings):
    """Architecture of a learned member."""

    kind: Literal["egnn", "transformer-egnn"]
    drift_fs: Annotated[PositiveFloat, Field(ge=0.05)] | None = Field(
        None,
        description="longest mean time between two learned forces of a jump; none: 1.4, or 2.8 where bonds to hydrogen "
        "are rigid",
    )
    bond_layers: Depth = Field(2, description="message-passing layers over the bond graph, once for a molecule")
    layers: Depth = Field(2, description="message-passing layers of the learned force, at each step")
    width: Width = 64
    heads: Width = Field(4, description="attention heads; transformer-egnn only")
    radial_functions: Width = 16
    cutoff_nm: PositiveFloat = 1.0
    max_kick_nm_per_ps: PositiveFloat = Field(
        20.0, description="norm clamp of an atom's change of velocity between two learned forces"
    )

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "Network":
        if self.kind == "transformer-egnn" and self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        return self

    def drifts(self, lag_ps: float, constraints: str) -> int:
        """How many drifts make a jump: `STAGES` times as few as do not last longer than they may."""
        longest = self.drift_fs or LONGEST_DRIFT_FS[constraints]
        return STAGES * math.ceil(1e3 * lag_ps / (STAGES * longest) - 1e-6)


class Member(Network):
    """A learned member: its network, and how it is rolled out."""

    exact: bool = Field(
        False, description="with a Metropolis test in place of checks and fall-back: exact whatever the weights"
    )

    @property
    def network(self) -> Network:
        """The architecture alone."""
        return Network.model_validate(self.model_dump(exclude={"exact"}))


class LossWeights(Settings):
    """Weights of the parts of the objective."""

    velocity: NonNegativeFloat = 1.0
    position: NonNegativeFloat = 1.0
    energy: NonNegativeFloat = 0.1
    force: NonNegativeFloat = Field(0.1, description="match of the learned to the true force at both ends")
    bond: NonNegativeFloat = 0.1
    angle: NonNegativeFloat = 0.1
    dihedral: NonNegativeFloat = 0.1
    force_first: Fraction = Field(
        0.0,
        description="share of the training that matches forces alone, which costs one of a jump's many steps; at 1, "
        "one model serves all k",
    )

    @property
    def forces_alone(self) -> bool:
        """Whether no jump is learned, so that a model serves jumps of any length."""
        return self.force_first == 1


class Augmentation(Settings):
    """Symmetries of the equations of motion, applied on the fly."""

    rotation: bool = True
    time_reversal: bool = True
    permutation: bool = True


class Transfer(Settings):
    """Start from the same member as it was trained on another engine, or from a model file of another run."""

    engine: str | None = None
    k: PositiveInt | None = None
    model: Annotated[str, plain_path("member", "k")] | None = Field(
        None, description="a model file; {member} and {k} in it are those of the training"
    )
    frozen_layers: NonNegativeInt = 0

    @model_validator(mode="after")
    def _one_source(self) -> "Transfer":
        named = {name for name in ("engine", "k", "model") if getattr(self, name) is not None}
        if named not in ({"engine", "k"}, {"model"}):
            raise ValueError("name either engine and k, of this configuration, or model, the file of another run")
        return self


class Rollout(Settings):
    """How far and from how many states a propagator is run."""

    compile: bool = Field(
        False,
        description="compile the network: half of its time less, after half a minute or more; needs a C++ compiler",
    )
    walkers: PositiveInt | Literal["auto"] = Field(
        8, description="independent states propagated side by side in one job; auto: up to 64, by a short pilot"
    )
    start: Literal["replica", "bursts"] = Field(
        "replica",
        description="where walkers start. replica: in frames of replica 1; bursts: in frames of the engine's bursts, "
        "which have more conformers where they start from those of a cheaper engine",
    )
    time_ps: PositiveFloat = Field(description="NVT length of each walker")
    nve_ps: PositiveFloat = Field(description="length of the thermostat-free run that measures drift")
    attempts: PositiveInt = Field(3, description="tries of a jump, each scaled down, before the fall-back")
    attempt_scale: Annotated[float, Field(gt=0, lt=1)] = 0.8
    max_bond_stretch: Annotated[float, Field(gt=1)] = Field(2.0, description="times the equilibrium length")
    max_kinetic_ratio: Annotated[float, Field(gt=1)] = Field(10.0, description="times the mean kinetic energy")
    max_potential_change_kj_per_mol: PositiveFloat = 1000.0
    energy_check: Literal["account", "metropolis", "rescale", "none"] = Field(
        "account",
        description="account: take a jump while the energy that all jumps together have gained or lost stays within "
        "energy_account_kT; metropolis: with probability min(1, exp(−ΔH/kT)), else fall back, which cools the more is "
        "refused; rescale: scale velocities to keep H",
    )
    energy_account_kT: PositiveFloat = Field(1.0, description="what jumps may owe in all, for the check `account`")

    friction_per_ps: PositiveFloat | Literal["auto"] | None = Field(
        None,
        description="of the thermostat in the roll-out: none is the engine's; auto: 10 at least, and for exact "
        "members, hmc and hmc-mm more where walkers turn round more often than that in a short pilot",
    )
    extra_chances: Annotated[NonNegativeInt, Field(le=20)] = Field(
        4, description="jumps that an exact member tries on from a refused one before it turns the velocities round"
    )
    hmc_steps: PositiveInt | None = Field(None, description="Verlet steps of a jump of hmc; none: by a short pilot")
    surrogate_timestep_fs: PositiveFloat = Field(0.5, description="of the classical steps of hmc-mm and respa")

    @property
    def most_walkers(self) -> int:
        """That there may be: what a job must have room for."""
        return MOST_WALKERS if self.walkers == "auto" else self.walkers


def compiled_sizes(walkers: int) -> list[int]:
    """Sizes of batches that a compiled network has for so many walkers, the largest first."""
    sizes = [walkers]
    while sizes[-1] > 1 and len(sizes) < MOST_COMPILED:
        sizes.append(math.ceil(sizes[-1] / 2))
    return sizes


class KstepEngine(Settings):
    """What is learned from one engine."""

    k: Annotated[list[Annotated[Int, Field(ge=2, le=10**6)]], Field(min_length=1)]
    loss: LossWeights = LossWeights()
    train: Training = Training()
    transfer: Transfer | None = None
    rollout: Rollout | None = Field(None, description="none: the engine only pretrains others")

    def trained_k(self, k: int) -> int:
        """Of the training whose model makes jumps of k steps: one for all where forces alone are learned."""
        return max(self.k) if self.loss.forces_alone else k


class Kstep(Settings):
    """The kstep section of the configuration."""

    engines: Annotated[dict[str, KstepEngine], Field(min_length=1)]
    members: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=60), Varied], Member]
    window_stride: PositiveInt = Field(4, description="frames between the starts of two windows of a burst")
    augmentation: Augmentation = Augmentation()
    rollout_splits: Annotated[list[Split], Field(min_length=1)] = ["test"]
    seeds: Seeds = [0]
    keep_rollouts: bool = Field(True, description="false: delete a roll-out once it is evaluated")
    controls: list[Control] = ["zero", "ballistic", "verlet", "verlet-stable"]
    validation_fraction: Fraction = Field(
        0.1, description="share of training bursts used to stop early where no molecule is in the validation split"
    )


class Jump(Settings):
    """What a model file must agree with the run that uses it."""

    engine: str
    k: PositiveInt
    timestep_fs: PositiveFloat
    temperature_K: PositiveFloat
    constraints: Literal["none", "hbonds"]

    @property
    def lag_ps(self) -> float:
        return self.k * self.timestep_fs * 1e-3


class WindowSettings(Settings):
    """`mdsnake window`."""

    jump: Jump
    stride: PositiveInt
    splits: dict[str, Split]
    validation_fraction: Fraction
    seed: Seed


class TrainSettings(Settings):
    """`mdsnake train`."""

    family: Literal["kstep"] = "kstep"
    member: str
    network: Network
    loss: LossWeights
    augmentation: Augmentation
    training: Training
    frozen_layers: NonNegativeInt = 0
    seed: Seed

    @model_validator(mode="after")
    def _something_is_trained(self) -> "TrainSettings":
        if self.frozen_layers >= self.network.layers:
            raise ValueError(f"frozen_layers: {self.frozen_layers} of {self.network.layers} layers leave none to train")
        return self


class RolloutSettings(Settings):
    """`mdsnake rollout`."""

    family: Literal["kstep"] = "kstep"
    member: str
    exact: bool = Field(False, description="learned members: with a Metropolis test")
    jump: Jump
    rollout: Rollout
    seed: Seed


class JumpsSettings(Settings):
    """`mdsnake jumps`."""

    controls: list[Literal["zero", "ballistic"]]
    jump: Jump
    engine: PlainEngine
    seed: Seed
