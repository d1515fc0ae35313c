"""Settings of the models of protein backbones.  Lengths are in Å, as is the field's use."""

import hashlib
import itertools
import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from mdsnake.config import (
    Different,
    Fraction,
    Int,
    NonNegativeFloat,
    PlainPath,
    PositiveInt,
    Seed,
    Seeds,
    Settings,
    Split,
    SplitFractions,
    Training,
    Varied,
)

Size = Literal["tiny", "full"]
Sampler = Literal["ancestral", "ddim"]
#: A place by its author's number, one with an insertion code, and parts of a chain, both ends included, as CATH writes
#: them: 1-80,120-150.
PLACE, INSERTED = r"-?\d+", r"-?\d+[A-Za-z]?"
Segments = Annotated[str, Field(pattern=rf"^{PLACE}-{PLACE}(,{PLACE}-{PLACE})*$", max_length=1000)]
Chopping = Annotated[str, Field(pattern=rf"^{INSERTED}-{INSERTED}(,{INSERTED}-{INSERTED})*$", max_length=1000)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100), Varied]
Length = Annotated[Int, Field(ge=3, le=4096, description="residues")]
Width = Annotated[Int, Field(ge=4, le=4096)]
Count = Annotated[Int, Field(gt=0, le=4096)]
Weight = Annotated[NonNegativeFloat, Field(le=1000)]
Depth = Annotated[Int, Field(gt=0, le=100)]
CROPPED = "share of the windows in training of which a part is seen, of residues.min at least"
SHAPE_WEIGHT = "weight in 1/Å of how far off the shape is that a network knows; 0: it learns it by its answers alone"
SCAFFOLDED = "share of the windows in training that have a motif; 0: models build around none"


class Protein(Settings):
    """A row of the table of proteins."""

    name: Name
    source: Annotated[str, Field(pattern=r"^[\w./+=(][\w ./+=@,():-]*$", max_length=1000)] = Field(
        description="a PDB id, the path of a .pdb or .cif file, perhaps with .gz, or MDAnalysisTests:FILE"
    )
    chain: Annotated[str, Field(pattern=r"^\w{1,8}$")] | None = Field(None, description="none: the first of protein")
    chopping: Chopping | None = Field(
        None, description="parts of the chain by the author's numbers, as 1-80,120-150; none: all of it"
    )
    split: Split | None = Field(None, description="none: by its cluster")

    @field_validator("chopping")
    @classmethod
    def _forward(cls, chopping: str | None) -> str | None:
        for part in re.finditer(rf"({PLACE})[A-Za-z]?-({PLACE})", chopping or ""):
            if int(part[1]) > int(part[2]):
                raise ValueError(f"{part[0]}: the first residue must not come after the last")
        return chopping


class Download(Settings):
    """Where structures that are named by a PDB id come from."""

    url: Annotated[str, Field(pattern=r"^https?://[!-~]*\{id\}[!-~]*$", max_length=1000)] = (
        "https://files.rcsb.org/download/{id}.cif.gz"
    )
    retries: Annotated[Int, Field(ge=0, le=100)] = 4

    @property
    def folder(self) -> str:
        """One for each address: an id may be another structure elsewhere."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:8]

    @field_validator("url")
    @classmethod
    def _an_address(cls, url: str) -> str:
        parts = urlsplit(url)  # both this and its port refuse with a ValueError
        if not parts.hostname or parts.port == 0:
            raise ValueError("no server is named in it")
        return url


class Residues(Settings):
    """Lengths of chains to learn from."""

    min: Length = Field(40, description="shorter chains are dropped")
    max: Length = Field(128, description="longer chains are cropped")

    @model_validator(mode="after")
    def _ordered(self) -> "Residues":
        if self.min > self.max:
            raise ValueError("min must not be above max")
        return self


class Cluster(Settings):
    """Which proteins share a split: those that chains of likenesses above `threshold` join."""

    by: Literal["structure", "sequence"] = Field("structure", description="TM-score, or share of equal residues")
    threshold: Fraction = Field(0.5, description="0.5 for structures, 0.3 is usual for sequences")


class Cartesian(Settings):
    """Diffusion of the coordinates of N, CA and C, by a transformer.  `size` sets what is not given."""

    kind: Literal["cartesian"] = "cartesian"
    size: Size = "tiny"
    width: Width
    layers: Depth
    heads: Count
    feed_forward: Width
    timesteps: Annotated[Int, Field(ge=10, le=10**5)] = 1000

    @model_validator(mode="before")
    @classmethod
    def _sized(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        shape = SIZES["full" if data.get("size") == "full" else "tiny"]  # an unknown size is told of with the field
        return {**shape, **data}

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "Cartesian":
        if self.width % (2 * self.heads):
            raise ValueError("width must be a multiple of twice heads")
        return self


#: `full` is the size of the source document.
SIZES: dict[Size, dict[str, int]] = {
    "tiny": {"width": 128, "layers": 4, "heads": 4, "feed_forward": 256},
    "full": {"width": 256, "layers": 8, "heads": 8, "feed_forward": 512},
}


class Frames(Settings):
    """Diffusion of a frame for each residue on R³ × SO(3), by invariant point attention."""

    kind: Literal["frames"]
    width: Width = 128
    pair_width: Count = 32
    layers: Depth = 4
    heads: Count = 8
    query_points: Count = 4
    value_points: Count = 8
    timesteps: Annotated[Int, Field(ge=10, le=10**5)] = 200

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "Frames":
        if self.width % (2 * self.heads):
            raise ValueError("width must be a multiple of twice heads")
        return self


Network = Annotated[Cartesian | Frames, Field(discriminator="kind")]


class Motif(Settings):
    """Residues that every sample keeps as they are; the rest is built around them."""

    protein: Name = Field(description="a row of the table of proteins")
    segments: Segments = Field(description="its residues by the author's numbers, as 10-25,40-55")
    at: Annotated[list[PositiveInt], Field(min_length=1)] = Field(
        description="where in the sample each segment begins, counted from 1"
    )

    @model_validator(mode="after")
    def _one_place_each(self) -> "Motif":
        if len(self.at) != len(self.segments.split(",")):
            raise ValueError("at: give each of the segments one place")
        if any(first > last for first, last in self.ranges):
            raise ValueError("segments: the first residue of each must not come after its last")
        places = sorted(zip(self.at, self.ranges, strict=True))
        for (at, (first, last)), (then, (begin, _)) in itertools.pairwise(places):
            if at + last - first >= then:
                raise ValueError("at: two segments would share residues of the sample; move one")
            if at + last - first + 1 == then and begin != last + 1:
                raise ValueError(f"at: residues {last} and {begin} are not bonded; leave room between their segments")
        taken = sorted(self.ranges)
        if any(last >= begin for (_, last), (begin, _) in itertools.pairwise(taken)):
            raise ValueError("segments: two of them share residues of the protein; name each residue once")
        return self

    @property
    def last(self) -> int:
        """The last residue of the sample that is taken, counted from 1."""
        return max(at + last - first for at, (first, last) in zip(self.at, self.ranges, strict=True))

    @property
    def ranges(self) -> list[tuple[int, int]]:
        """First and last residue of each segment."""
        parts = [re.fullmatch(rf"({PLACE})-({PLACE})", segment) for segment in self.segments.split(",")]
        return [(int(part[1]), int(part[2])) for part in parts if part]


class Sample(Settings):
    """What is drawn from a model."""

    lengths: Annotated[list[Length], Field(min_length=1), Different] | Literal["training"] = Field(
        [64, 96], description="residues; training: those of the training proteins"
    )
    count: PositiveInt = Field(8, description="samples of each length")
    sampler: Sampler = Field("ancestral", description="ancestral draws noise at each step, ddim follows the flow")
    steps: Annotated[Int, Field(ge=2, le=10**5)] | None = Field(None, description="none: all that the model has")
    noise_scale: Annotated[NonNegativeFloat, Field(le=10)] = Field(
        1.0, description="of the noise that ancestral steps draw; below 1: better structures, less diverse"
    )
    restrained: bool = Field(
        True, description="bring bonds to known lengths, and CA that clash apart, while a sample comes about"
    )
    motif: Motif | None = None

    @model_validator(mode="after")
    def _noise_is_drawn(self) -> "Sample":
        if self.sampler == "ddim" and self.noise_scale != 1:
            raise ValueError("noise_scale: ddim draws no noise; leave it out, or take the sampler ancestral")
        return self

    @model_validator(mode="after")
    def _the_motif_has_room(self) -> "Sample":
        if self.motif and self.lengths != "training" and self.motif.last > min(self.lengths):
            raise ValueError(
                f"motif.at: its last residue would be number {self.motif.last} of a sample of {min(self.lengths)}; "
                "lower at or raise lengths"
            )
        return self

    def check_steps(self, member: str, network: Cartesian | Frames) -> None:
        """`ValueError` where there are more steps than the network has."""
        if (self.steps or 0) > network.timesteps:
            raise ValueError(f"sample.steps: {self.steps} are more than the {network.timesteps} timesteps of {member}")


class Memorise(Settings):
    """The test whether a network can learn a few proteins by heart: the target `memorise`."""

    proteins: PositiveInt = Field(5, description="the first so many of the table that can be used")
    steps: PositiveInt = Field(2500, description="each sees every protein once")
    shape_weight: Weight = Field(1.2, description=SHAPE_WEIGHT)


class Backbone(Settings):
    """The backbone section of the configuration."""

    proteins: PlainPath = Field("config/proteins.tsv", description="table of proteins")
    download: Download = Download()
    residues: Residues = Residues()
    split: SplitFractions = SplitFractions()
    cluster: Cluster = Cluster()
    members: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=60), Varied], Network], Field(min_length=1)
    ]
    train: Training = Training()
    cropped: Fraction = Field(0.5, description=CROPPED)
    scaffolded: Fraction = Field(0.2, description=SCAFFOLDED)
    shape_weight: Weight = Field(0.0, description=SHAPE_WEIGHT)
    sample: Sample = Sample()
    memorise: Memorise = Memorise()
    seeds: Seeds = [0]

    @model_validator(mode="after")
    def _steps_there_are(self) -> "Backbone":
        for member, network in self.members.items():
            self.sample.check_steps(member, network)
        return self


class PrepareSettings(Settings):
    """`mdsnake prepare`."""

    family: Literal["backbone"] = "backbone"
    protein: Protein
    residues: Residues
    download: Download


class About(Settings):
    """What windows and the models trained on them are for: `about` of the window index.

    A window begins at its start and has `residues.max` residues, or as many as the chain has left.
    """

    family: Literal["backbone"] = "backbone"
    residues: Residues


class WindowSettings(Settings):
    """`mdsnake window`."""

    family: Literal["backbone"] = "backbone"
    residues: Residues
    split: SplitFractions
    splits: dict[str, Split] = Field({}, description="of the proteins that the table gives one")
    cluster: Cluster
    memorise: PositiveInt | None = Field(
        None, description="the first so many proteins that can be used are all trained on, and nothing else"
    )
    seed: Seed

    @property
    def about(self) -> About:
        return About(residues=self.residues)


class TrainSettings(Settings):
    """`mdsnake train`."""

    family: Literal["backbone"] = "backbone"
    member: str
    network: Network
    training: Training
    cropped: Fraction = Field(0.5, description=CROPPED)
    scaffolded: Fraction = Field(0.2, description=SCAFFOLDED)
    shape_weight: Weight = Field(0.0, description=SHAPE_WEIGHT)
    seed: Seed


class RolloutSettings(Settings):
    """`mdsnake rollout`."""

    family: Literal["backbone"] = "backbone"
    member: str
    network: Network
    sample: Sample
    seed: Seed

    @model_validator(mode="after")
    def _steps_there_are(self) -> "RolloutSettings":
        self.sample.check_steps(self.member, self.network)
        return self
