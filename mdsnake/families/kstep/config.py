"""Settings of the k-step propagators."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from mdsnake.config import Engine, Fraction, Settings, Split, Training

#: Propagators without a network; every learned member is judged beside them.
Control = Literal["zero", "ballistic", "verlet", "verlet-stable"]
CONTROLS: tuple[Control, ...] = ("zero", "ballistic", "verlet", "verlet-stable")


class Network(Settings):
    """Architecture of a learned member."""

    kind: Literal["egnn", "transformer-egnn"]
    drifts: Annotated[int, Field(ge=2)] = Field(6, description="steps of the learned force in a jump")
    bond_layers: PositiveInt = Field(2, description="message-passing layers over the bond graph, once for a molecule")
    layers: PositiveInt = Field(2, description="message-passing layers of the learned force, at each step")
    width: PositiveInt = 64
    heads: PositiveInt = Field(4, description="attention heads; transformer-egnn only")
    radial_functions: PositiveInt = 16
    cutoff_nm: PositiveFloat = 1.0
    max_kick_nm_per_ps: PositiveFloat = Field(20.0, description="norm clamp of an atom's change of velocity in a kick")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "Network":
        if self.kind == "transformer-egnn" and self.width % self.heads:
            raise ValueError("width must be a multiple of heads")
        return self


class LossWeights(Settings):
    """Weights of the parts of the objective."""

    velocity: NonNegativeFloat = 1.0
    position: NonNegativeFloat = 1.0
    energy: NonNegativeFloat = 0.1
    force: NonNegativeFloat = Field(0.1, description="match of the learned to the true force at both ends")
    bond: NonNegativeFloat = 0.1
    angle: NonNegativeFloat = 0.1
    dihedral: NonNegativeFloat = 0.1


class Augmentation(Settings):
    """Symmetries of the equations of motion, applied on the fly."""

    rotation: bool = True
    time_reversal: bool = True
    permutation: bool = True


class Transfer(Settings):
    """Start from the same member trained on another engine."""

    engine: str
    k: PositiveInt
    frozen_layers: NonNegativeInt = 0


class Rollout(Settings):
    """How far and from how many states a propagator is run."""

    walkers: PositiveInt = Field(8, description="independent states propagated side by side in one job")
    time_ps: PositiveFloat = Field(description="NVT length of each walker")
    nve_ps: PositiveFloat = Field(description="length of the thermostat-free run that measures drift")
    attempts: PositiveInt = Field(3, description="tries of a jump, each scaled down, before the fall-back")
    attempt_scale: Annotated[float, Field(gt=0, lt=1)] = 0.8
    max_bond_stretch: Annotated[float, Field(gt=1)] = Field(2.0, description="times the equilibrium length")
    max_kinetic_ratio: Annotated[float, Field(gt=1)] = Field(10.0, description="times the mean kinetic energy")
    max_potential_change_kj_per_mol: PositiveFloat = 1000.0
    energy_check: Literal["account", "metropolis", "ghmc", "rescale", "none"] = Field(
        "account",
        description="account: take a jump while the energy that all jumps together have gained or lost stays within "
        "energy_account_kT; metropolis: with probability min(1, exp(−ΔH/kT)), else fall back, which cools the more is "
        "refused; ghmc: else turn velocities round, which is exact but stands still; rescale: scale velocities to "
        "keep H",
    )
    energy_account_kT: PositiveFloat = Field(1.0, description="what jumps may owe in all, for the check `account`")


class KstepEngine(Settings):
    """What is learned from one engine."""

    k: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)]
    loss: LossWeights = LossWeights()
    train: Training = Training()
    transfer: Transfer | None = None
    rollout: Rollout | None = Field(None, description="none: the engine only pretrains others")


class Kstep(Settings):
    """The kstep section of the configuration."""

    engines: dict[str, KstepEngine]
    members: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], Network]
    window_stride: PositiveInt = Field(4, description="frames between the starts of two windows of a burst")
    augmentation: Augmentation = Augmentation()
    rollout_splits: list[Split] = ["test"]
    seeds: list[NonNegativeInt] = [0]
    controls: list[Control] = list(CONTROLS)
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
    seed: NonNegativeInt


class TrainSettings(Settings):
    """`mdsnake train`."""

    family: Literal["kstep"] = "kstep"
    member: str
    network: Network
    loss: LossWeights
    augmentation: Augmentation
    training: Training
    frozen_layers: NonNegativeInt = 0
    seed: NonNegativeInt


class RolloutSettings(Settings):
    """`mdsnake rollout`."""

    family: Literal["kstep"] = "kstep"
    member: str
    jump: Jump
    rollout: Rollout
    seed: NonNegativeInt


class JumpsSettings(Settings):
    """`mdsnake jumps`."""

    controls: list[Literal["zero", "ballistic"]]
    jump: Jump
    engine: Engine
    seed: NonNegativeInt
