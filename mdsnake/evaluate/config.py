"""Settings of the evaluation."""

from typing import Literal

from mdsnake.config import PositiveFloat, PositiveInt, Seed, Settings, Split
from mdsnake.families.backbone.config import Network, Sample
from mdsnake.families.trajbert.config import Baseline, Rollout, System


class EvaluateSettings(Settings):
    """`mdsnake evaluate`: what the compared roll-out is, for the columns of the summary."""

    molecule: str
    split: Split
    engine: str
    member: str
    k: PositiveInt
    timestep_fs: PositiveFloat
    temperature_K: PositiveFloat
    seed: Seed

    @property
    def stride_fs(self) -> float:
        return self.k * self.timestep_fs


class SurfaceSettings(Settings):
    """`mdsnake evaluate` of a trajectory model on a surface."""

    family: Literal["trajbert"]
    name: str
    system: System
    member: str
    rollout: Rollout
    seed: Seed


class BaselineSettings(Settings):
    """`mdsnake baselines`."""

    family: Literal["trajbert"]
    name: str
    system: System
    baselines: list[Baseline]
    rollout: Rollout
    seed: Seed


class BackboneSettings(Settings):
    """`mdsnake evaluate` of a model of protein backbones."""

    family: Literal["backbone"]
    member: str
    network: Network
    seed: Seed


class BackboneBaselineSettings(Settings):
    """`mdsnake baselines` of protein backbones."""

    family: Literal["backbone"]
    sample: Sample
    seed: Seed
