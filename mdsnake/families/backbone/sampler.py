"""Structures from a model: the reverse process from pure noise, ancestral or along the flow, perhaps around a motif."""

import dataclasses
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from mdsnake.errors import UserError
from mdsnake.families.backbone import config
from mdsnake.families.backbone.data import collate
from mdsnake.families.backbone.draws import Draws
from mdsnake.families.backbone.model import BackboneModel, none_fixed
from mdsnake.nn.diffusion import grid
from mdsnake.nn.rigid import rotations_of, with_oxygen

#: Pictures of a denoising, the first of noise and the last of the structure.
PICTURES = 21


@dataclasses.dataclass(frozen=True)
class Sample:
    """A structure, and how it came about.

    Attributes
    ----------
    coords_angstrom : (L, 4, 3) N, CA, C and O
    trajectory_angstrom : (F, L, 4, 3) from noise to the structure
    """

    coords_angstrom: Float[Tensor, "L 4 3"]
    trajectory_angstrom: Float[Tensor, "F L 4 3"]


@dataclasses.dataclass(frozen=True)
class Motif:
    """Residues that are given.

    Attributes
    ----------
    coords_angstrom : (m, 4, 3) N, CA, C and O
    positions : (m,) which residues of the sample they are, counted from 0
    """

    coords_angstrom: Float[Tensor, "m 4 3"]
    positions: Int[Tensor, " m"]

    def check(self, shortest: int) -> None:
        """`UserError` unless a sample of `shortest` residues has room for it."""
        last = int(self.positions.max()) + 1
        if last > shortest:
            raise UserError(
                f"sample.motif.at: its last residue would be number {last} of a sample of {shortest}; lower at or "
                "raise lengths"
            )


def sample(
    model: BackboneModel,
    lengths: Sequence[int],
    count: int,
    settings: config.Sample,
    generator: Generator,
    motif: Motif | None = None,
    first: int = 0,
) -> list[Sample]:
    """`count` structures of each length, one length after the other, all in one batch.

    Parameters
    ----------
    first : number of the first sample; with the same generator one of the same number and length is the same in
        whichever batch it is drawn
    """
    wanted = [length for length in lengths for _ in range(count)]
    batch = collate([torch.zeros(n, 3, 3) for n in wanted], range(first, first + len(wanted)))
    batch = batch.to(next(model.parameters()).device)
    draws = Draws(batch, generator)
    state = model.prior(draws.normal(*model.noise_shape))
    fixed, rows, given = none_fixed(batch), batch.index[:0], state.new_zeros(0, 4, 3)
    turn, offset = torch.eye(3).to(state), state.new_zeros(3)
    if motif:
        motif.check(min(wanted))
        rows = (batch.ptr[:-1, None] + motif.positions.to(batch.ptr)).flatten()
        given = motif.coords_angstrom.to(state).repeat(len(wanted), 1, 1)
        # In the motif's own frame, so that what is drawn turns with it.
        turn, offset = rotations_of(given[0, :3]), motif.coords_angstrom[:, 1].mean(0).to(state)
        fixed[rows] = True
        state = state.index_copy(0, rows, model.encode((given[:, :3] - offset) @ turn))
    state = model.centred(state, batch, fixed)
    scale = settings.noise_scale if settings.sampler == "ancestral" else None
    visited = grid(model.timesteps, settings.steps)
    shown = set(grid(len(visited) - 1, PICTURES - 1))

    following = torch.arange(1, len(state) + 1, device=state.device)
    following[batch.ptr[1:] - 1] -= 1
    held = fixed[following[rows]]  # the O of a last residue of a segment lies by the N that is drawn

    def whole(state: Tensor) -> Tensor:
        coords = (model.decode(state) @ turn.T + offset).index_copy(0, rows, given[:, :3])
        return with_oxygen(coords, following).index_copy(0, rows[held], given[held])

    steps = model.reverse(state, visited, batch, fixed, draws, scale, settings.restrained)
    with torch.no_grad():
        pictures = [whole(state)]
        for done, (now, _) in enumerate(steps, start=1):
            if len(visited) - 1 - done in shown:
                pictures.append(whole(now))
    told = torch.stack(pictures).cpu().split(wanted, dim=1)
    return [Sample(part[-1], part) for part in told]
