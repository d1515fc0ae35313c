"""Which proteins are alike, and a split that keeps those together."""

from collections.abc import Callable, Sequence
from itertools import combinations

import gemmi

from mdsnake.config import Split, SplitFractions
from mdsnake.errors import UserError
from mdsnake.families.backbone.config import Cluster
from mdsnake.physics.likeness import tm_score
from mdsnake.seeds import seed_sequence
from mdsnake.store.backbones import ATOMS, Backbone


def fold(a: Backbone, b: Backbone) -> float:
    """TM-score by the length of the shorter, which is the higher one."""
    ca = ATOMS.index("CA")
    return max(tm_score(a.coords_angstrom[:, ca], b.coords_angstrom[:, ca]))


def identity(a: Backbone, b: Backbone) -> float:
    """Share of the shorter chain's residues that a global alignment by BLOSUM62 finds equal.

    Opening a gap costs 20: at the usual 10, short chains scatter along long ones and find a third of their residues.
    """
    scoring = gemmi.AlignmentScoring("b")
    scoring.gapo = scoring.good_gapo = scoring.bad_gapo = -20
    first, second = ([gemmi.expand_one_letter(x, gemmi.ResidueKind.AA) or "UNK" for x in c.sequence] for c in (a, b))
    return gemmi.align_string_sequences(first, second, [], scoring).match_count / min(a.length, b.length)


LIKENESS: dict[str, Callable[[Backbone, Backbone], float]] = {"structure": fold, "sequence": identity}


def clusters(chains: Sequence[Backbone], settings: Cluster) -> list[int]:
    """The cluster of each chain, numbered from 0 in the order of their first.

    By single linkage: a likeness above the threshold joins two clusters.  Chains that are joined already are not
    compared; at worst there are n (n − 1) / 2 comparisons.
    """
    cluster = list(range(len(chains)))
    for i, j in combinations(range(len(chains)), 2):
        if cluster[i] != cluster[j] and LIKENESS[settings.by](chains[i], chains[j]) > settings.threshold:
            kept, gone = sorted((cluster[i], cluster[j]))
            cluster = [kept if number == gone else number for number in cluster]
    order = {number: place for place, number in enumerate(dict.fromkeys(cluster))}
    return [order[number] for number in cluster]


def split_clusters(
    chains: Sequence[Backbone], cluster: Sequence[int], told: dict[str, Split], shares: SplitFractions, seed: int
) -> list[Split]:
    """The split of each chain, the same for all of a cluster.

    A cluster follows those of its chains that are `told` theirs.  The others, the largest first, each go to the split
    that lacks most chains.
    """
    members: dict[int, list[Backbone]] = {}
    for chain, number in zip(chains, cluster, strict=True):
        members.setdefault(number, []).append(chain)
    splits: dict[int, Split] = {}
    for number, alike in members.items():
        given = {told[chain.name]: chain.name for chain in alike if chain.name in told}
        if len(given) > 1:
            (one, a), (other, b), *_ = given.items()
            raise UserError(
                f"{a} and {b}: they are in one cluster, but split is {one} for the one and {other} for the other; "
                "give them one split, or raise cluster.threshold"
            )
        if given:
            (splits[number],) = given
    free = [number for number in members if number not in splits]
    drawn = {number: int(seed_sequence(seed, members[number][0].name).generate_state(1)[0]) for number in free}
    lacking: dict[Split, float] = {
        "train": shares.train * len(chains),
        "validation": shares.validation * len(chains),
        "test": shares.test * len(chains),
    }
    for number, split in splits.items():
        lacking[split] -= len(members[number])
    for number in sorted(free, key=lambda number: (-len(members[number]), drawn[number])):
        splits[number] = max(lacking, key=lambda split: lacking[split])
        lacking[splits[number]] -= len(members[number])
    return [splits[number] for number in cluster]
