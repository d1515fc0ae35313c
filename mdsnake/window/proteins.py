"""`mdsnake window` of proteins: crops of chains, splits by cluster, and the card of the data set."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from mdsnake.config import Split
from mdsnake.errors import UserError
from mdsnake.families.backbone.config import WindowSettings
from mdsnake.store.atomic import write_text
from mdsnake.store.backbones import Backbone
from mdsnake.store.windows import WindowGroup, Windows
from mdsnake.window.clusters import clusters, split_clusters


def window_proteins(settings: WindowSettings, prepared: Sequence[Path], out: Path, card: Path) -> None:
    """Write the windows of all proteins to `out` and the card of the data set to `card`.

    `prepared` are folders of `mdsnake prepare`, in the order of the table.  To `memorise`, the first so many that can
    be used are all trained on, each as one window.

    Raises
    ------
    UserError
        Too few proteins can be used, or two that are alike are given different splits.
    """
    files = [Path(folder) / "backbone.npz" for folder in prepared]
    chains = {file: Backbone.load(file) for file in files}
    usable = [file for file in files if chains[file].dropped is None][: settings.memorise]
    if not usable:
        why = next((f"; {chain.name}: {chain.dropped}" for chain in chains.values()), "")
        raise UserError(f"{out}: no protein can be used{why}")
    if len(usable) < (settings.memorise or 0):
        raise UserError(f"{out}: {len(usable)} proteins can be used, {settings.memorise} are to be memorised; add some")
    used = [chains[file] for file in usable]
    cluster = clusters(used, settings.cluster)
    splits: list[Split] = ["train"] * len(used)
    if not settings.memorise:
        splits = split_clusters(used, cluster, settings.splits, settings.split, settings.seed)
    if "train" not in splits:
        raise UserError(f"{out}: no protein is in the train split; raise split.train, or give one the split `train`")
    groups = [
        WindowGroup(chain.name, split, str(file.parent), str(file), _starts(chain.length, split, settings))
        for file, chain, split in zip(usable, used, splits, strict=True)
    ]
    listed = [chain for file, chain in chains.items() if file in usable or chain.dropped]
    write_text(card, json.dumps(_card(settings, listed, used, cluster, splits), indent=1, ensure_ascii=False) + "\n")
    Windows(settings.about.model_dump(mode="json"), groups).save(out)


def _starts(length: int, split: Split, settings: WindowSettings) -> list[int]:
    """First residues of a chain's crops: any to train on; else that in the middle, so that each chain counts once."""
    last = max(length - settings.residues.max, 0)
    if settings.memorise:
        return [0]
    return list(range(last + 1)) if split == "train" else [last // 2]


def _card(
    settings: WindowSettings,
    listed: Sequence[Backbone],
    used: Sequence[Backbone],
    cluster: Sequence[int],
    splits: Sequence[Split],
) -> dict[str, Any]:
    lengths, sizes = sorted(chain.length for chain in used), Counter(cluster)
    places = {chain.name: place for place, chain in enumerate(used)}
    rows = [
        {
            "protein": chain.name,
            "source": chain.source,
            "chain": chain.chain,
            "residues": chain.length,
            "split": splits[places[chain.name]] if chain.name in places else None,
            "cluster": cluster[places[chain.name]] if chain.name in places else None,
            "dropped": chain.dropped,
        }
        for chain in listed
    ]
    return {
        "used": len(used),
        "dropped": Counter(chain.dropped.partition(":")[0] for chain in listed if chain.dropped),
        "lengths": {"shortest": lengths[0], "median": lengths[len(lengths) // 2], "longest": lengths[-1]},
        "cropped": sum(length > settings.residues.max for length in lengths),
        "clusters": settings.cluster.model_dump() | {"count": len(sizes), "largest": max(sizes.values())},
        "splits": {
            name: {
                "proteins": splits.count(name),
                "clusters": len({number for number, split in zip(cluster, splits, strict=True) if split == name}),
            }
            for name in get_args(Split)
        },
        "proteins": rows,
    }
