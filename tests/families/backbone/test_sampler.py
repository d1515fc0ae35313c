from collections.abc import Iterator

import pytest
import torch
from torch import Generator

from mdsnake.errors import UserError
from mdsnake.families.backbone import config
from mdsnake.families.backbone.model import Answer, BackboneModel
from mdsnake.families.backbone.sampler import PICTURES, Motif, sample
from mdsnake.nn.rigid import C_O, with_oxygen
from mdsnake.nn.rotations import random_rotations
from tests.families.backbone.toys import ABOUT, chain, stretch, toy_model

SETTINGS = config.Sample(lengths=[10], count=1, steps=30)
#: Far from the origin, as a motif in a file is.
MOTIF = Motif(with_oxygen(chain(4)) + 50.0, torch.tensor([2, 3, 4, 5]))


@pytest.fixture(params=["cartesian", "frames"])
def model(request: pytest.FixtureRequest) -> BackboneModel:
    return toy_model(request.param)


@pytest.fixture
def precise_model(model: BackboneModel) -> Iterator[BackboneModel]:
    """In double precision: where all is noise the frames of residues are ill-conditioned, and rounding errors grow."""
    torch.set_default_dtype(torch.float64)
    yield model.double()
    torch.set_default_dtype(torch.float32)


def draw(model: BackboneModel, seed: int = 0, motif: Motif | None = None, **changes: object) -> list[torch.Tensor]:
    settings = SETTINGS.model_copy(update=changes)
    drawn = sample(model, [8, 12], 2, settings, Generator().manual_seed(seed), motif)
    return [one.coords_angstrom for one in drawn]


def test_samples_have_the_lengths_asked_for(model: BackboneModel) -> None:
    longer = ABOUT.residues.max + 8
    drawn = sample(model, [8, longer], 2, SETTINGS, Generator().manual_seed(0))
    assert [one.coords_angstrom.shape for one in drawn] == [(8, 4, 3)] * 2 + [(longer, 4, 3)] * 2
    for one in drawn:
        assert one.trajectory_angstrom.shape == (PICTURES, len(one.coords_angstrom), 4, 3)
        torch.testing.assert_close(one.trajectory_angstrom[-1], one.coords_angstrom)
        torch.testing.assert_close(one.coords_angstrom[:, 1].mean(0), torch.zeros(3), rtol=0, atol=1e-3)
        oxygen = (one.coords_angstrom[:, 3] - one.coords_angstrom[:, 2]).norm(dim=-1)
        torch.testing.assert_close(oxygen, torch.full_like(oxygen, C_O), rtol=0, atol=1e-3)


@pytest.mark.parametrize("sampler", ["ancestral", "ddim"])
def test_the_seed_decides(model: BackboneModel, sampler: str) -> None:
    first, same, other = (draw(model, seed, sampler=sampler) for seed in (0, 0, 1))
    for a, b, c in zip(first, same, other, strict=True):
        assert torch.equal(a, b)
        assert not torch.allclose(a, c, atol=0.1)


def test_a_sample_is_the_same_in_whichever_batch(precise_model: BackboneModel) -> None:
    together = draw(precise_model)
    alone = sample(precise_model, [12], 1, SETTINGS, Generator().manual_seed(0), first=2)[0].coords_angstrom
    torch.testing.assert_close(alone, together[2], rtol=0, atol=1e-6)


def test_noise_at_each_step_makes_a_difference(model: BackboneModel) -> None:
    loud, quiet, flow = draw(model), draw(model, noise_scale=0.0), draw(model, sampler="ddim")
    assert not torch.allclose(loud[0], quiet[0], atol=0.1)
    assert not torch.allclose(flow[0], quiet[0], atol=0.1)


def test_samples_are_restrained_where_that_is_asked_for(model: BackboneModel, monkeypatch: pytest.MonkeyPatch) -> None:
    strained = chain(12) + 0.3 * torch.randn(12, 1, 3, generator=Generator().manual_seed(0))
    monkeypatch.setattr(model, "denoised", lambda *told: Answer(model.encode(strained), strained))
    off = []
    for restrained in (False, True):
        settings = SETTINGS.model_copy(update={"restrained": restrained})
        drawn = sample(model, [12], 1, settings, Generator().manual_seed(0))[0].coords_angstrom
        off.append(stretch(drawn[:, :3]))
    assert off[0] > 0.05
    assert off[1] < 0.2 * off[0]


def test_a_motif_stays_where_it_is(model: BackboneModel) -> None:
    """All but the O of its last residue, which lies by an N that is drawn."""
    for coords in draw(model, motif=MOTIF):
        torch.testing.assert_close(coords[2:5], MOTIF.coords_angstrom[:3], rtol=0, atol=0)
        torch.testing.assert_close(coords[5, :3], MOTIF.coords_angstrom[3, :3], rtol=0, atol=0)
        assert float((coords[[0, 1, 6, 7], 1] - MOTIF.coords_angstrom[:, 1].mean(0)).norm(dim=-1).max()) < 60
        _, ca, c, o = coords[:-1].unbind(1)
        normal = torch.linalg.cross(ca - c, coords[1:, 0] - c)  # of the plane of the peptide bond
        away = ((o - c) * normal).sum(-1) / normal.norm(dim=-1)
        torch.testing.assert_close(away, torch.zeros(len(away)), rtol=0, atol=1e-3)


def test_a_motif_at_the_end_keeps_its_last_oxygen(model: BackboneModel) -> None:
    motif = Motif(MOTIF.coords_angstrom, torch.tensor([4, 5, 6, 7]))
    coords = sample(model, [8], 1, SETTINGS, Generator().manual_seed(0), motif)[0].coords_angstrom
    torch.testing.assert_close(coords[4:], motif.coords_angstrom, rtol=0, atol=0)


def test_what_is_built_around_a_motif_depends_on_it(model: BackboneModel) -> None:
    other = Motif(with_oxygen(chain(4, (-120.0, 130.0))) + 50.0, MOTIF.positions)
    a, b = draw(model, motif=MOTIF)[0], draw(model, motif=other)[0]
    assert not torch.allclose(a[6:], b[6:], atol=0.05)


def test_a_sample_turns_with_its_motif(precise_model: BackboneModel) -> None:
    """Wherever the motif lies in its file, what is drawn around it with one seed is the same."""
    turn, shift = random_rotations(1, Generator().manual_seed(0))[0].double(), torch.tensor([-20.0, 60.0, 5.0])
    here = Motif(MOTIF.coords_angstrom.double(), MOTIF.positions)
    other = Motif(here.coords_angstrom @ turn.T + shift, MOTIF.positions)
    drawn, again = (
        sample(precise_model, [8, 12], 1, SETTINGS, Generator().manual_seed(0), motif) for motif in (here, other)
    )
    for one, same in zip(drawn, again, strict=True):
        expected = one.trajectory_angstrom @ turn.T + shift
        torch.testing.assert_close(same.trajectory_angstrom, expected, rtol=0, atol=1e-6)


def test_a_motif_that_does_not_fit_is_one_clear_line(model: BackboneModel) -> None:
    with pytest.raises(UserError, match=r"sample\.motif\.at: its last residue would be number 9 of a sample of 8"):
        draw(model, motif=Motif(MOTIF.coords_angstrom, torch.tensor([5, 6, 7, 8])))
