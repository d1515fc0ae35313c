"""Which proteins are alike, and a split that keeps those together."""

from collections.abc import Callable, Sequence
from itertools import combinations

import gemmi
import numpy as np
import tmtools

from mdsnake.config import Split, SplitFractions
from mdsnake.errors import UserError
from mdsnake.families.backbone.config import Cluster
from mdsnake.seeds import seed_sequence
from mdsnake.store.backbones import ATOMS, Backbone


def tm_score(a: Backbone, b: Backbone) -> float:
    """TM-score of the best alignment of two chains' CA atoms, by the shorter's length (Zhang and Skolnick 2005)."""
    ca = ATOMS.index("CA")
    first, second = (np.ascontiguousarray(chain.coords_angstrom[:, ca], dtype=float) for chain in (a, b))
    found = tmtools.tm_align(first, second, a.sequence, b.sequence)
    return max(found.tm_norm_chain1, found.tm_norm_chain2)


def identity(a: Backbone, b: Backbone) -> float:
    """Share of the shorter chain's residues that a global alignment by BLOSUM62 finds equal.

    Opening a gap costs 20: at the usual 10, short chains scatter along long ones and find a third of their residues.
    """
    scoring = gemmi.AlignmentScoring("b")
    scoring.gapo = scoring.good_gapo = scoring.bad_gapo = -20
    first, second = ([gemmi.expand_one_letter(x, gemmi.ResidueKind.AA) or "UNK" for x in c.sequence] for c in (a, b))
    return gemmi.align_string_sequences(first, second, [], scoring).match_count / min(a.length, b.length)


LIKENESS: dict[str, Callable[[Backbone, Backbone], float]] = {"structure": tm_score, "sequence": identity}


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
