import numpy as np
import pytest

from mdsnake.config import SplitFractions
from mdsnake.errors import UserError
from mdsnake.families.backbone.config import Cluster
from mdsnake.window.clusters import clusters, fold, identity, split_clusters
from tests.window.chains import chain

HALF = SplitFractions(train=0.5, validation=0.25, test=0.25)


def test_a_chain_is_like_itself_turned_and_like_its_part() -> None:
    whole = chain("a", "wide", 60)
    assert fold(whole, whole) == pytest.approx(1, abs=1e-6)
    assert fold(whole, chain("b", "wide", 60)) > 0.9
    part = chain("c", "wide", 40)
    assert fold(part, whole) == pytest.approx(fold(whole, part), abs=1e-6)
    assert fold(part, whole) > 0.85
    assert fold(whole, chain("d", "helix", 60)) < 0.5


def test_a_mirror_image_is_not_alike() -> None:
    whole = chain("a", "wide", 60, noise_angstrom=0)
    mirrored = type(whole)(**vars(whole) | {"coords_angstrom": whole.coords_angstrom * np.float32([1, 1, -1])})
    assert fold(whole, mirrored) < 0.7


def test_identity_counts_equal_residues_of_the_shorter() -> None:
    long, part = chain("a", "helix", 40, "ACDEFGHIKLMNPQRSTVWY"), chain("b", "helix", 20, "ACDEFGHIKLMNPQRSTVWY")
    other = chain("c", "helix", 20, "W")
    assert identity(long, part) == identity(part, long) == 1
    assert identity(part, other) == 1 / 20


def test_chains_that_have_nothing_in_common_are_not_alike_in_sequence() -> None:
    rng = np.random.default_rng(0)
    told = [
        chain(f"p{i}", "helix", n, "".join(rng.choice([*"ACDEFGHIKLMNPQRSTVWY"], n)))
        for i, n in enumerate([60, 250] * 8)
    ]
    assert len({*clusters(told, Cluster(by="sequence", threshold=0.3))}) == 16


def test_likeness_joins_along_chains_of_it() -> None:
    told = [
        chain("a", "helix", 20, "A" * 20),
        chain("b", "helix", 20, "C" * 20),
        chain("c", "helix", 20, "A" * 12 + "D" * 8),
        chain("d", "helix", 20, "D" * 20),
    ]
    likeness = [[round(identity(x, y), 2) for y in told] for x in told]
    assert (likeness[0][2], likeness[2][3], likeness[0][3]) == (0.6, 0.4, 0)
    assert clusters(told, Cluster(by="sequence", threshold=0.3)) == [0, 1, 0, 0]
    assert clusters(told, Cluster(by="sequence", threshold=0.5)) == [0, 1, 0, 2]
    assert clusters(told, Cluster(by="sequence", threshold=0.9)) == [0, 1, 2, 3]


def test_structures_cluster_by_shape_not_by_sequence() -> None:
    told = [chain("a", "helix", 50), chain("b", "strand", 50), chain("c", "helix", 60, "W"), chain("d", "wide", 50)]
    assert clusters(told, Cluster(by="structure", threshold=0.5)) == [0, 1, 0, 2]


def test_no_cluster_is_parted_and_shares_are_kept() -> None:
    told = [chain(f"p{i}", "helix", 5) for i in range(40)]
    cluster = [0] * 15 + [1] * 4 + list(range(2, 23))
    splits = split_clusters(told, cluster, {}, HALF, seed=0)
    assert len({*zip(cluster, splits, strict=True)}) == len({*cluster})
    assert [splits.count(split) for split in ("train", "validation", "test")] == [20, 10, 10]
    assert splits[0] == "train"
    assert splits == split_clusters(told, cluster, {}, HALF, seed=0)
    assert splits != split_clusters(told, cluster, {}, HALF, seed=1)


def test_a_cluster_follows_what_the_table_says_of_one() -> None:
    told = [chain(name, "helix", 5) for name in "abcdef"]
    splits = split_clusters(told, [0, 0, 1, 2, 3, 4], {"b": "test", "c": "train"}, HALF, seed=0)
    assert splits[:3] == ["test", "test", "train"]
    assert [splits.count(split) for split in ("train", "validation", "test")] == [3, 1, 2]
    with pytest.raises(UserError, match="a and b: they are in one cluster, but split is test for the one and train"):
        split_clusters(told[:2], [0, 0], {"a": "test", "b": "train"}, HALF, seed=0)
