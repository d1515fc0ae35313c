"""Settings of the evaluation."""

from mdsnake.config import PositiveFloat, PositiveInt, Seed, Settings, Split


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
