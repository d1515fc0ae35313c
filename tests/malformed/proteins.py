"""Tables of proteins, structures, and the backbones that are read from them."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mdsnake.store.backbones import Backbone
from tests.malformed.case import Arguments, Change, Kind
from tests.malformed.chains import chain_settings
from tests.malformed.changes import ANY_FILE, cut, data, text
from tests.malformed.good import Good

HEADER = "name\tsource\tchain\tchopping\tsplit\n"
#: Atoms of one residue, without the columns that say where they are.
NOWHERE = "".join(f"ATOM  {i:5d}  {name:<4}ALA A   1\n" for i, name in enumerate(["N", "CA", "C", "O"], start=1))


def row(*cells: str) -> Change:
    """A table of one row; cells left out are empty."""
    return text(HEADER + "\t".join([*cells, *[""] * (5 - len(cells))]) + "\n")


def check(good: Good, bad: Path, out: Path) -> Arguments:
    told = yaml.safe_load(good.config.read_text()) | {"molecules": str(good.table)}
    told["backbone"] = {"proteins": str(bad), "members": {"tiny": {"kind": "cartesian"}}}
    config = bad.parent / "config.yaml"
    config.write_text(yaml.safe_dump(told))
    return ["check", config]


def prepare(good: Good, bad: Path, out: Path) -> Arguments:
    told = chain_settings("prepare")
    told["protein"]["source"] = str(bad)
    return ["prepare", "--settings", json.dumps(told), "--out", out / "pti", "--downloads", out / "downloads"]


def window(good: Good, bad: Path, out: Path) -> Arguments:
    files = ["--out", out / "windows.json", "--card", out / "card.json"]
    return ["window", "--settings", json.dumps(chain_settings("window")), "--prepared", bad.parent, *files]


def changed(**fields: Any) -> Change:
    """The backbone with other values."""
    return altered(lambda chain: dataclasses.replace(chain, **fields))


def altered(change: Callable[[Backbone], Backbone]) -> Change:
    return lambda good, bad: change(Backbone.load(good)).save(bad)


def without(field: str) -> Change:
    def apply(good: Path, bad: Path) -> None:
        told = dict(np.load(good))
        del told[field]
        np.savez(bad, **told)

    return apply


PROTEIN_TABLES = Kind(
    "proteins",
    check,
    ANY_FILE
    | {
        "header alone": (text(HEADER), "no rows"),
        "no header": (text("pti\t5PTI\n"), "header: no column 'name'"),
        "no column of sources": (text("name\tchain\npti\tA\n"), "no column 'source'"),
        "a column twice": (text("name\tsource\tname\npti\t5PTI\tx\n"), "header: 'name' stands there twice"),
        "an unknown column": (text("name\tsource\tcolour\npti\t5PTI\tred\n"), "unknown column 'colour'"),
        "spaces for tabs": (text("name source\npti 5PTI\n"), "header: no column 'name'"),
        "a row too short": (text(HEADER + "pti\t5PTI\n"), "row 1 (pti): as many columns"),
        "no name": (row("", "5PTI"), "row 1 (no name): name"),
        "no source": (row("pti", ""), "row 1 (pti): source"),
        "a name for the shell": (row("$(id)", "5PTI"), "name"),
        "a name for another folder": (row("../pti", "5PTI"), "name"),
        "a name twice": (text(HEADER + "pti\t5PTI\t\t\t\nPTI\t1ABC\t\t\t\n"), "row 2 (PTI): the name is taken"),
        "a source for the shell": (row("pti", "5PTI; id"), "source"),
        "a source like an option": (row("pti", "--out"), "source"),
        "two chains": (row("pti", "5PTI", "A,B"), "chain"),
        "a chopping of one end": (row("pti", "5PTI", "A", "1-"), "chopping"),
        "a chopping that goes back": (row("pti", "5PTI", "A", "1-20,50-30"), "50-30: the first residue must not"),
        "a chopping in words": (row("pti", "5PTI", "A", "all"), "chopping"),
        "a chopping that goes on": (row("pti", "5PTI", "A", "1-20,"), "chopping"),
        "an unknown split": (row("pti", "5PTI", "A", "", "learn"), "split"),
    },
)
STRUCTURES = Kind(
    "structure",
    prepare,
    ANY_FILE
    | {
        "half a file": (cut(0.5), "not a structure"),
        "all but its end": (cut(0.99), "not a structure"),
        "text without compression": (text("data_5PTI\n"), "not a structure"),
    },
)
PLAIN_STRUCTURES = Kind(
    "pdb",
    prepare,
    ANY_FILE
    | {
        "a header alone": (text("HEADER    PROTEINASE INHIBITOR\nEND\n"), "holds no atoms"),
        "atoms without places": (text(NOWHERE), "not a structure"),
        "mmCIF without atoms": (text("data_5PTI\n_entry.id 5PTI\n"), "holds no atoms"),
        "mmCIF with half a loop": (text("data_a\nloop_\n_atom_site.id\n_atom_site.x\n1\n"), "not a structure"),
        "JSON": (text('{"a": [1]}'), "not a structure"),
        "a web page": (text("<!DOCTYPE html><html><body>404</body></html>"), ""),
        "a sequence": (text(">5PTI\nRPDFCLEPPYTGPCKARIIRYFYNAKAG\n"), ""),
    },
)
BACKBONES = Kind(
    "backbone",
    window,
    ANY_FILE
    | {
        "half a file": (cut(0.5), "not the backbone of a protein"),
        "no archive": (data(b"PK\x03\x04" + bytes(100)), "not the backbone of a protein"),
        "no coordinates": (without("coords_angstrom"), "not the backbone of a protein"),
        "three atoms": (altered(lambda b: dataclasses.replace(b, coords_angstrom=b.coords_angstrom[:, :3])), "four"),
        "a residue too few": (altered(lambda b: dataclasses.replace(b, residues=b.residues[1:])), "residues"),
        "a sequence too short": (changed(sequence="A"), "for each of its 1 residues"),
        "a sequence in numbers": (changed(sequence=7), "not all are text"),
        "an infinite coordinate": (
            altered(lambda b: dataclasses.replace(b, coords_angstrom=b.coords_angstrom * np.inf)),
            "coords_angstrom",
        ),
        "coordinates in words": (changed(coords_angstrom=np.array("far")), "coords_angstrom"),
        "objects": (changed(residues=np.array([print], dtype=object)), "not the backbone of a protein"),
        "residues and a reason": (changed(dropped="too short: 3"), "dropped"),
    },
)
KINDS_OF_PROTEINS: dict[str, tuple[Kind, ...]] = {
    "table of proteins": (PROTEIN_TABLES,),
    "protein structure": (STRUCTURES, PLAIN_STRUCTURES),
    "protein backbone": (BACKBONES,),
}
