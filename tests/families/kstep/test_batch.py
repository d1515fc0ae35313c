import pytest
import torch

from mdsnake.families.kstep.batch import collate
from mdsnake.families.kstep.data import NO_AUGMENTATION
from tests.families.kstep.toys import JUMP, KINDS, stirred, toy_batch, toy_model, toy_windows

FORMULAS = ("H2O", "CH3OH", "C2H6")


def test_atoms_follow_each_other() -> None:
    batch = toy_batch(*FORMULAS, n=2)
    assert batch.ptr.tolist() == [0, 3, 6, 12, 18, 26, 34]
    assert batch.num_graphs == 6
    assert batch.batch.bincount().tolist() == [3, 3, 6, 6, 8, 8]
    assert batch.positions.shape == (34, 3)
    assert batch.pair_index.shape == (2, 2 * (3 + 15 + 28))
    assert len(batch.pair_row) == 92
    assert batch.molecule_ptr.tolist() == [0, 3, 9, 17]
    assert len(batch.pair_classes) == len(batch.rest) == 3 + 15 + 28
    for indices in (batch.pair_index, batch.bonds, batch.angles, batch.dihedrals):
        sample = batch.batch[indices]
        assert (sample == sample[0]).all()
    bonded = (batch.positions[batch.bonds[0]] - batch.positions[batch.bonds[1]]).norm(dim=-1)
    assert bonded.min() > 0.08
    assert bonded.max() < 0.18
    assert batch.masses[batch.atoms[batch.atom_row, 0] == 0].unique().tolist() == pytest.approx([1.008])


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_its_samples_give_alone(kind: str) -> None:
    model = stirred(toy_model(kind), size=0.1)
    together = model.sample(toy_batch(*FORMULAS, n=2), torch.Generator())
    alone = [
        model.sample(
            collate([toy_windows(formula).select(torch.tensor([index]), JUMP, NO_AUGMENTATION, None)]),
            torch.Generator(),
        )
        for formula in FORMULAS
        for index in range(2)
    ]
    for name, value in together.items():
        torch.testing.assert_close(
            torch.cat([one[name] for one in alone]), value, rtol=1e-4, atol=1e-5 * value.abs().max()
        )
