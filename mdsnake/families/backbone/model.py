"""What both members share: a structure is noised, and a network tells what it was.

A state is the structure in the member's own variables, three columns or more for each residue; the member says how it
is noised, told and stepped back.  Noise is drawn in the frame of each residue, which leaves its distribution as it is
and makes what is drawn with the same seed turn with the structure.
"""

from abc import abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor
from torch_geometric.data import Batch

from mdsnake.families.backbone.config import About, Cartesian, Frames
from mdsnake.families.backbone.draws import Draws, random_segments
from mdsnake.families.backbone.pose import superposed
from mdsnake.families.backbone.springs import bonded, pushes
from mdsnake.families.base import Family, Symmetry
from mdsnake.nn.diffusion import grid
from mdsnake.nn.segments import segment_mean, segment_sum

#: Å that CA are kept from each other; how often x̂₀ gives way to bonds and clashes, and to a clash by which part of it.
CLEARANCE, RESTRAINED, PUSH = 3.8, 20, 0.25
#: Å from which on a shape is near enough for its error to count by its square.
NEAREST = 0.1
#: Share of the batches in which the network sees its own first answer.
SELF_CONDITIONED = 0.5


class Answer(NamedTuple):
    """What a network makes of a noised structure.

    Attributes
    ----------
    clean : (n, 3, c) x̂₀
    shape : (n, 3, 3) N, CA and C of the shape that it knows, which is part of x̂₀; in the unit of the state, somewhere
    """

    clean: Float[Tensor, "n 3 c"]
    shape: Float[Tensor, "n 3 3"]


class BackboneModel(Family):
    """Predicts a structure from a noised one.

    Parameters
    ----------
    network : architecture
    about : the windows that the model is for
    """

    symmetry: ClassVar[Symmetry] = "SE3"
    #: Normal numbers that a residue's noise is made of.
    noise_shape: ClassVar[tuple[int, int]]
    #: Å in a unit of the state's places.
    unit_angstrom: ClassVar[float]
    #: How large its losses are, those of v being 1.
    loss_scale: ClassVar[float]
    #: ᾱ at each step.
    level: Tensor

    def __init__(self, network: Cartesian | Frames, about: About) -> None:
        super().__init__()
        self.network, self.about, self.timesteps = network, about, network.timesteps

    @abstractmethod
    def encode(self, coords_angstrom: Float[Tensor, "n 3 3"]) -> Float[Tensor, "n 3 c"]:
        """The state of N, CA and C."""

    @abstractmethod
    def decode(self, state: Float[Tensor, "n 3 c"]) -> Float[Tensor, "n 3 3"]:
        """N, CA and C in Å."""

    @abstractmethod
    def places(self, state: Float[Tensor, "n 3 c"]) -> Float[Tensor, "n 3"]:
        """Where the CA are, in the member's unit."""

    @abstractmethod
    def shifted(self, state: Float[Tensor, "n 3 c"], by: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 c"]:
        """The state with its residues moved."""

    @abstractmethod
    def prior(self, noise: Float[Tensor, "n a 3"]) -> Float[Tensor, "n 3 c"]:
        """A state without structure."""

    @abstractmethod
    def noised(
        self, clean: Float[Tensor, "n 3 c"], t: Int[Tensor, " n"], noise: Float[Tensor, "n a 3"]
    ) -> Float[Tensor, "n 3 c"]:
        """The state after t steps of noise."""

    @abstractmethod
    def denoised(
        self,
        state: Float[Tensor, "n 3 c"],
        t: Int[Tensor, " samples"],
        batch: Batch,
        fixed: Bool[Tensor, " n"],
        before: Float[Tensor, "n 3 c"],
    ) -> Answer:
        """The network's answer; `before` is its last x̂₀, zeros where there is none."""

    @abstractmethod
    def back(
        self,
        state: Float[Tensor, "n 3 c"],
        clean: Float[Tensor, "n 3 c"],
        t: int,
        later: int,
        noise: Float[Tensor, "n a 3"] | None,
    ) -> Float[Tensor, "n 3 c"]:
        """From step t to an earlier one, where `clean` is what was noised; without `noise` along the flow."""

    @abstractmethod
    def eased(
        self, state: Float[Tensor, "n 3 c"], share: Float[Tensor, "n k"], following: Bool[Tensor, " n"]
    ) -> Float[Tensor, "n 3 c"]:
        """The state after a step along the pull of its bonds, a share of the longest; the last one is of rotations."""

    @abstractmethod
    def errors(
        self,
        found: Float[Tensor, "n 3 c"],
        clean: Float[Tensor, "n 3 c"],
        t: Int[Tensor, " n"],
        batch: Batch,
        weight: Float[Tensor, " n"],
    ) -> dict[str, Tensor]:
        """Parts of the objective; residues of weight 0 count for nothing."""

    def centred(self, state: Float[Tensor, "n 3 c"], batch: Batch, fixed: Bool[Tensor, " n"]) -> Float[Tensor, "n 3 c"]:
        """The state with the mean of its CA at 0; of those that are fixed, where a sample has some."""
        size = len(batch.ptr) - 1
        held = segment_sum(fixed.to(state), batch.batch, size)
        counts = torch.where(held[batch.batch] > 0, fixed.to(state), torch.ones_like(state[:, 0, 0]))
        total = segment_sum(counts[:, None] * self.places(state), batch.batch, size)
        centre = total / segment_sum(counts, batch.batch, size)[:, None]
        return self.shifted(state, -centre[batch.batch])

    def answer(
        self,
        state: Float[Tensor, "n 3 c"],
        t: Int[Tensor, " samples"],
        batch: Batch,
        fixed: Bool[Tensor, " n"],
        before: Float[Tensor, "n 3 c"] | None = None,
    ) -> Answer:
        """`denoised`, with what is fixed as it is."""
        before = torch.zeros_like(state) if before is None else before
        clean, shape = self.denoised(state, t, batch, fixed, before)
        return Answer(torch.where(fixed[:, None, None], state, clean), shape)

    def blurred(
        self, batch: Batch, t: Int[Tensor, " samples"], fixed: Bool[Tensor, " n"], draws: Draws
    ) -> tuple[Float[Tensor, "n 3 c"], Float[Tensor, "n 3 c"]]:
        """The state of `batch.coords`, and the same after t steps of noise."""
        clean = self.centred(self.encode(batch.coords), batch, fixed)
        state = self.noised(clean, t[batch.batch], draws.normal(*self.noise_shape))
        return clean, self.centred(torch.where(fixed[:, None, None], clean, state), batch, fixed)

    def loss(self, batch: Batch, generator: Generator) -> dict[str, Tensor]:
        """`errors`, each sample noised for its own `share` of the steps, and `shape_error` where it has a weight."""
        draws = Draws(batch, generator)
        fixed = random_segments(batch, draws)
        t = 1 + (self.timesteps * batch.share).long().clamp(max=self.timesteps - 1)
        clean, state = self.blurred(batch, t, fixed, draws)
        before = None
        if float(torch.rand(1, generator=generator)) < SELF_CONDITIONED:
            with torch.no_grad():
                before = self.centred(self.answer(state, t, batch, fixed).clean, batch, fixed)
        found, shape = self.answer(state, t, batch, fixed, before)
        parts = self.errors(found, clean, t[batch.batch], batch, (~fixed).to(clean))
        if batch.shape_weight:
            parts["shape"] = self.shape_error(shape, clean, batch)
            parts["loss"] = parts["loss"] + batch.shape_weight * self.loss_scale * parts["shape"]
        return parts

    def shape_error(
        self, shape: Float[Tensor, "n 3 3"], clean: Float[Tensor, "n 3 c"], batch: Batch
    ) -> Float[Tensor, ""]:
        """Root mean square distance in Å of N, CA and C from their true places, superposed; the mean of samples."""
        true = self.decode(clean)
        off = superposed(self.unit_angstrom * shape, true, torch.ones_like(true[:, 0, 0]), batch) - true
        square = segment_mean(off.square().sum(-1).mean(-1), batch.batch, batch.num_graphs)
        return (square + NEAREST**2).sqrt().mean() - NEAREST

    def step_of(self, batch: Batch, share: float) -> Int[Tensor, " samples"]:
        """The step after this share of all steps, the first where the share is less than one."""
        return torch.full_like(batch.ptr[1:], max(1, round(share * self.timesteps)))

    def forward(self, batch: Batch, share: float = 0.0) -> dict[str, Tensor]:
        """`coords`: x̂₀ in Å, (n, 3, 3), of `batch.coords` seen as if noised for this share of the steps."""
        state = self.centred(self.encode(batch.coords), batch, none_fixed(batch))
        return {"coords": self.decode(self.answer(state, self.step_of(batch, share), batch, none_fixed(batch)).clean)}

    @torch.no_grad()
    def one_step(
        self, batch: Batch, share: float, generator: Generator
    ) -> tuple[Float[Tensor, "n 3 3"], Float[Tensor, "n 3 3"], dict[str, Tensor]]:
        """`batch.coords`, centred, x̂₀ after this share of the steps of noise, both in Å, and the `errors` of x̂₀.

        The network gets no answer of its own to begin with, so this is its worst.
        """
        t, fixed = self.step_of(batch, share), none_fixed(batch)
        clean, state = self.blurred(batch, t, fixed, Draws(batch, generator))
        found = self.answer(state, t, batch, fixed).clean
        centre = segment_mean(batch.coords[:, 1], batch.batch, batch.num_graphs)
        true = batch.coords - centre[batch.batch, None]
        return true, self.decode(found), self.errors(found, clean, t[batch.batch], batch, (~fixed).to(clean))

    @torch.no_grad()
    def sample(
        self, context: Batch, generator: Generator, share: float = 0.5, steps: int = 20, **options: Any
    ) -> dict[str, Tensor]:
        """`coords` in Å, (n, 3, 3), centred: `context.coords` noised for a share of the steps, and denoised.

        Structures from nothing are drawn by `sampler.sample`.
        """
        draws, t, fixed = Draws(context, generator), self.step_of(context, share), none_fixed(context)
        _, state = self.blurred(context, t, fixed, draws)
        *_, (last, _) = self.reverse(state, grid(int(t[0]), steps), context, fixed, draws)
        return {"coords": self.decode(last)}

    def reverse(
        self,
        state: Float[Tensor, "n 3 c"],
        visited: list[int],
        batch: Batch,
        fixed: Bool[Tensor, " n"],
        draws: Draws,
        noise_scale: float | None = 1.0,
        restrained: bool = False,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The state and x̂₀ after each step through those `visited`, the last of which is 0; no scale is the flow."""
        clean = None
        for t, later in pairwise(visited):
            found = self.answer(state, torch.full_like(batch.ptr[1:], t), batch, fixed, clean).clean
            clean = self.centred(self.restrained(found, t, batch, fixed) if restrained else found, batch, fixed)
            noise = None if noise_scale is None else noise_scale * draws.normal(*self.noise_shape)
            stepped = self.back(state, clean, t, later, noise)
            state = self.centred(torch.where(fixed[:, None, None], state, stepped), batch, fixed)
            yield state, clean

    def restrained(
        self, clean: Float[Tensor, "n 3 c"], t: int, batch: Batch, fixed: Bool[Tensor, " n"]
    ) -> Float[Tensor, "n 3 c"]:
        """x̂₀ at step t, bonds brought to their lengths and residues apart, the more the less noise there is."""
        give, following = float(self.level[t]) * ~fixed[:, None], bonded(batch)
        for _ in range(RESTRAINED):
            push = pushes(self.unit_angstrom * self.places(clean), CLEARANCE, batch)
            clean = self.shifted(clean, PUSH * give * push / self.unit_angstrom)
            clean = self.eased(clean, give, following)
        return clean


def none_fixed(batch: Batch) -> Bool[Tensor, " n"]:
    return torch.zeros_like(batch.index, dtype=torch.bool)
