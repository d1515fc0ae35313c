import numpy as np
import pytest
import torch
from torch_geometric.data import Batch

from mdsnake.config import Training
from mdsnake.train.module import Epoch, Module, learning_rate_factor
from tests.train.toys import Line, Points

SETTINGS = Training(max_steps=100, warmup_steps=10, final_learning_rate=0.1, learning_rate=0.5)


def test_the_learning_rate_warms_up_and_falls_as_a_cosine() -> None:
    factors = [learning_rate_factor(step, SETTINGS) for step in range(120)]
    np.testing.assert_allclose(factors[:10], np.arange(1, 11) / 10)
    assert factors[10] == 1
    assert factors[55] == pytest.approx(0.55)
    assert factors[100:] == pytest.approx([0.1] * 20)
    assert (np.diff(factors[10:101]) < 0).all()


def test_without_warm_up_it_begins_at_the_peak() -> None:
    assert learning_rate_factor(0, SETTINGS.model_copy(update={"warmup_steps": 0})) == 1
    longer = SETTINGS.model_copy(update={"warmup_steps": 200})
    assert learning_rate_factor(99, longer) == 0.5


def test_the_optimiser_holds_only_what_is_trained() -> None:
    module = Module(Line(), SETTINGS, 0)
    configured = module.configure_optimizers()
    (group,) = configured["optimizer"].param_groups
    assert [p.shape for p in group["params"]] == [(3,)]
    assert group["lr"] == pytest.approx(0.05)
    assert configured["lr_scheduler"]["interval"] == "step"


def test_an_epoch_is_the_same_for_the_same_seed_number_and_rank() -> None:
    def first(*key: int) -> torch.Tensor:
        return Epoch(Points(4), *key, length=3)[0].x

    assert torch.equal(first(0, 1, 0), first(0, 1, 0))
    assert all(not torch.equal(first(0, 1, 0), first(*key)) for key in ((1, 1, 0), (0, 2, 0), (0, 1, 1)))
    assert len(list(Epoch(Points(4), 0, 0, 0, length=3))) == 3


def test_batches_are_told_how_far_the_training_is() -> None:
    told = []

    class Told(Points):
        def train_batch(self, rng: np.random.Generator, progress: float = 0.0) -> Batch:
            told.append(progress)
            return super().train_batch(rng)

    list(Epoch(Told(4), 0, 0, 0, length=4, progress=(0.5, 0.7)))
    assert told == pytest.approx([0.5, 0.55, 0.6, 0.65])
