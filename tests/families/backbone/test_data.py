from pathlib import Path

import numpy as np
import pytest
import torch

from mdsnake.errors import UserError
from mdsnake.families.backbone.data import COPIES, WindowBatches, load_chains, load_crops
from mdsnake.store.windows import WindowGroup, Windows
from tests.families.backbone.toys import ABOUT, chain, save_backbone, save_windows


def groups(path: Path, split: str) -> list[WindowGroup]:
    return Windows.load(path).of(split)


def test_windows_are_parts_of_their_chain(tmp_path: Path) -> None:
    crops = load_crops(groups(save_windows(tmp_path, 20, 9), "train"), ABOUT)
    assert [len(crop) for crop in crops] == [16] * 5 + [9]
    torch.testing.assert_close(crops[2], chain(20)[2:18] - chain(20)[2:18, 1].mean(0), rtol=0, atol=1e-4)


def test_each_chain_is_drawn_as_often_whatever_its_length(tmp_path: Path) -> None:
    path = save_windows(tmp_path, 20, 9, 12)
    batches = WindowBatches(load_chains(groups(path, "train"), ABOUT), [], 6, scaffolded=0.3, shape_weight=0.7)
    batch = batches.train_batch(np.random.default_rng(0))
    assert sorted(batch.ptr.diff().tolist()) == [9, 9, 12, 12, 16, 16]
    assert len(set(batch.seed.tolist())) == 6
    assert (batch.scaffolded, batch.shape_weight) == (0.3, 0.7)
    assert sorted((6 * batch.share).floor().tolist()) == [0, 1, 2, 3, 4, 5]
    assert batch.index[: int(batch.ptr[1])].tolist() == list(range(int(batch.ptr[1])))
    again = batches.train_batch(np.random.default_rng(0))
    torch.testing.assert_close(again.coords, batch.coords)
    other = batches.train_batch(np.random.default_rng(1))
    assert not torch.equal(other.seed, batch.seed)
    assert not torch.equal(other.share.argsort(), batch.share.argsort())


def test_parts_of_windows_are_drawn_and_lie_as_in_their_chain(tmp_path: Path) -> None:
    """Any length from the shortest on and any place, in as many windows as asked for."""
    chains = load_chains(groups(save_windows(tmp_path, 9), "train"), ABOUT)
    whole = chains[0].window(0)
    batches = WindowBatches(chains, [], 2000, cropped=0.5, shortest=7)
    batch = batches.train_batch(np.random.default_rng(0))
    parts = batch.coords.split(batch.ptr.diff().tolist())
    lengths = [len(coords) for coords in parts]
    for length, share in ((9, 2 / 3), (8, 1 / 6), (7, 1 / 6)):
        assert lengths.count(length) / 2000 == pytest.approx(share, abs=0.04)
    places = {length: [0] * (10 - length) for length in (7, 8, 9)}
    for coords in parts:
        fits = [whole[start : start + len(coords)] for start in range(10 - len(coords))]
        off = [float((fit - fit[:, 1].mean(0) - coords).abs().max()) for fit in fits]
        assert min(off) < 1e-4
        places[len(coords)][off.index(min(off))] += 1
    assert min(places[7]) > 0.2 * sum(places[7])
    assert min(places[8]) > 0.4 * sum(places[8])
    short = WindowBatches(chains, [], 50, cropped=1.0, shortest=12).train_batch(np.random.default_rng(0))
    assert set(short.ptr.diff().tolist()) == {9}


def test_validation_is_always_the_same(tmp_path: Path) -> None:
    path = save_windows(tmp_path, 9, validation=17)
    chains = load_chains(groups(path, "validation"), ABOUT)
    batches = WindowBatches([], chains, 2 * COPIES - 1, cropped=1.0, scaffolded=0.3, shape_weight=0.7)
    told = batches.validation_batches()
    assert [len(batch.seed) for batch in told] == [2 * COPIES - 1, 1]
    assert torch.cat([batch.seed for batch in told]).tolist() == list(range(2 * COPIES))
    share = torch.cat([batch.share for batch in told])
    first = torch.cat([batch.coords[batch.ptr[:-1], 1] for batch in told])
    for window in range(2):  # the copies of each
        same = (first == first[window]).all(1)
        assert (COPIES * share[same]).floor().tolist() == list(range(COPIES))


def test_a_chain_that_became_shorter_is_refused(tmp_path: Path) -> None:
    path = save_windows(tmp_path, 20)
    save_backbone(tmp_path, 5, name="toy0")
    with pytest.raises(UserError, match=r"backbone\.npz: not what its windows were made from; run `mdsnake window`"):
        load_chains(groups(path, "train"), ABOUT)
