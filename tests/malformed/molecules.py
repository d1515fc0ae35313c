"""Tables of molecules, and SMILES."""

import json
from pathlib import Path

from tests.malformed.case import Arguments, Change, Kind
from tests.malformed.changes import ANY_FILE, text
from tests.malformed.good import Good, settings

HEADER = "name\tsmiles\tcharge\tmultiplicity\tsplit\tengines\n"


def row(*cells: str) -> Change:
    """A table of one row; cells left out are empty."""
    return text(HEADER + "\t".join([*cells, *[""] * (6 - len(cells))]) + "\n")


def screen(good: Good, bad: Path, out: Path) -> Arguments:
    return ["screen", bad, "--settings", json.dumps(settings("screen")), "--out", out / "molecules.csv"]


def prepare(good: Good, bad: Path, out: Path) -> Arguments:
    told = settings("prepare") | {"molecule": json.loads(bad.read_text())}
    return ["prepare", "--settings", json.dumps(told), "--out", out / "prepared"]


def smiles(smiles: str, **more: object) -> Change:
    return text(json.dumps({"name": "odd", "smiles": smiles, **more}))


TABLES = Kind(
    "table",
    screen,
    ANY_FILE
    | {
        "header alone": (text(HEADER), "no rows"),
        "comments alone": (text("# nothing\n\n# at all\n"), "header"),
        "no header": (text("ethane\tCC\n"), "header: no column 'name'"),
        "other header": (text("title\tformula\nethane\tCC\n"), "header: no column 'name'"),
        "no column of SMILES": (text("name\tcharge\nethane\t0\n"), "no column 'smiles'"),
        "a column twice": (text("name\tsmiles\tname\nethane\tCC\tx\n"), "header: 'name' stands there twice"),
        "an unknown column": (text("name\tsmiles\tcolour\nethane\tCC\tred\n"), "unknown column 'colour'"),
        "a column in capitals": (text("Name\tSMILES\nethane\tCC\n"), "header: no column 'name'"),
        "spaces for tabs": (text("name smiles\nethane CC\n"), "header: no column 'name'"),
        "commas for tabs": (text("name,smiles\nethane,CC\n"), "header: no column 'name'"),
        "a row too short": (text(HEADER + "ethane\tCC\n"), "row 1 (ethane): as many columns"),
        "a row too long": (row("ethane", "CC", "", "", "", "", "more"), "as many columns"),
        "a row of spaces for tabs": (text(HEADER + "ethane CC 0 1\n"), "as many columns"),
        "an open quotation mark": (text(HEADER + '"ethane\tCC\t\t\t\t\nmethane\tC\t\t\t\t\n'), "quotation marks"),
        "a quoted tab": (row('"a\tb"', "CC"), "name"),
        "no name": (row("", "CC"), "row 1 (no name): name"),
        "no SMILES": (row("ethane", ""), "row 1 (ethane): smiles"),
        "a name with a space": (row("my ethane", "CC"), "row 1 (my ethane): name"),
        "a name with a slash": (row("a/b", "CC"), "(a/b): name"),
        "a name of dots": (row("..", "CC"), "(..): name"),
        "a name with a dot": (row("a.b", "CC"), "(a.b): name"),
        "a hidden name": (row(".work", "CC"), "(.work): name"),
        "a name with an option's dash": (row("-rf", "CC"), "(-rf): name"),
        "a name for the shell": (row("$(id)", "CC"), "($(id)): name"),
        "a name with a semicolon": (row("a;id", "CC"), "(a;id): name"),
        "a name with backticks": (row("`id`", "CC"), "(`id`): name"),
        "a name with an apostrophe": (row("o'clock", "CC"), "(o'clock): name"),
        "a name with braces": (row("{molecule}", "CC"), "({molecule}): name"),
        "a name with a percent sign": (row("50%", "CC"), "(50%): name"),
        "a name with a star": (row("*", "CC"), "(*): name"),
        "a name in Greek": (row("αιθάνιο", "CC"), "(αιθάνιο): name"),
        "a name from right to left": (row("a\u202eb", "CC"), ": name"),
        "a name of 300 characters": (row("a" * 300, "CC"), "at most 100 characters"),
        "a name of one letter over and over": (row("a" * 30, "CC"), "takes for a loop"),
        "a name of two letters over and over": (row("x" + "ab" * 20, "CC"), "takes for a loop"),
        "a reserved name": (row("summary", "CC"), "(summary): name: the name is reserved"),
        "a reserved name in capitals": (row("Logs", "CC"), "the name is reserved"),
        "the name of a family": (row("kstep", "CC"), "the name is reserved"),
        "a name twice": (text(HEADER + "a\tCC\t\t\t\t\nb\tC\t\t\t\t\na\tCO\t\t\t\t\n"), "row 3 (a): the name is taken"),
        "a name in two cases": (text(HEADER + "ethane\tCC\t\t\t\t\nEthane\tCO\t\t\t\t\n"), "whatever their case"),
        "a charge of a half": (row("a", "CC", "0.5"), "row 1 (a): charge"),
        "a charge in words": (row("a", "CC", "none"), "row 1 (a): charge"),
        "a charge like 1+": (row("a", "CC", "1+"), "row 1 (a): charge"),
        "a charge of a billion": (row("a", "CC", "1000000000"), "row 1 (a): charge"),
        "a charge of 5000 digits": (row("a", "CC", "9" * 5000), "row 1 (a): charge"),
        "a charge that is not a number": (row("a", "CC", "nan"), "row 1 (a): charge"),
        "a multiplicity of zero": (row("a", "CC", "", "0"), "row 1 (a): multiplicity"),
        "a negative multiplicity": (row("a", "CC", "", "-1"), "row 1 (a): multiplicity"),
        "a multiplicity in words": (row("a", "CC", "", "singlet"), "row 1 (a): multiplicity"),
        "an unknown split": (row("a", "CC", "", "", "learn"), "row 1 (a): split"),
        "two splits": (row("a", "CC", "", "", "train,test"), "row 1 (a): split"),
        "an unknown engine": (row("a", "CC", "", "", "", "dft"), "no dft in the configuration"),
        "a SMILES of 10,000 characters": (row("a", "C" * 10_000), "at most 1000 characters"),
        "a row of a megabyte": (row("a", "C" * 2**20), "row 1"),
        "a SMILES with a space": (row("a", "CC ethane"), "row 1 (a): smiles"),
        "a SMILES in Cyrillic letters": (row("a", "СС"), "row 1 (a): smiles"),
        "a NUL in a cell": (row("a", "CC\0C"), "line 2: holds the control character"),
        "a bell in a cell": (row("a", "C\aC"), "line 2: holds the control character"),
        "UTF-16 with its mark": (text(HEADER + "ethane\tCC\t\t\t\t\n", "utf-16"), "not UTF-8"),
        "a page of HTML": (text("<!DOCTYPE html>\n<html><body>404</body></html>\n"), "header: no column 'name'"),
        "no molecule that can be prepared": (row("a", "C1CC"), "no molecule can be prepared; a: "),
    },
)

SMILES = Kind(
    "table",
    prepare,
    {
        "an open ring": (smiles("C1CC"), "is not valid"),
        "an open bracket": (smiles("[CH3"), "is not valid"),
        "an open branch": (smiles("CC(C"), "is not valid"),
        "brackets alone": (smiles("()"), "is not valid"),
        "a name": (smiles("ethane"), "is not valid"),
        "a formula": (smiles("C2H6"), "is not valid"),
        "an InChI": (smiles("InChI=1S/CH4/h1H4"), "is not valid"),
        "SMARTS": (smiles("[C,N]=O"), "is not valid"),
        "a reaction": (smiles("CC>>CO"), "is not valid"),
        "an unknown element": (smiles("[Xx]C"), "is not valid"),
        "five bonds on carbon": (smiles("C(C)(C)(C)(C)C"), "valence"),
        "an aromatic chain": (smiles("cccc"), "aromatic"),
        "a ring that cannot be aromatic": (smiles("n1cccc1"), "kekulize"),
        "a salt": (smiles("CC(=O)[O-].[Na+]"), "holds 2 molecules"),
        "a mixture": (smiles("CO.O"), "holds 2 molecules"),
        "many fragments": (smiles(".".join(["C"] * 300)), "holds 300 molecules"),
        "an ion alone": (smiles("[Na+]", charge=1), "single atom"),
        "a noble gas": (smiles("[He]"), "single atom"),
        "a wildcard": (smiles("C*"), "placeholder atom"),
        "an attachment point": (smiles("CC[*:1]"), "placeholder atom"),
        "a charge that is not stated": (smiles("C[NH3+]"), "charge: the SMILES has +1"),
        "a charge that is not there": (smiles("CC", charge=1), "charge: the SMILES has +0"),
        "a charge of the wrong sign": (smiles("CC(=O)[O-]", charge=1), "charge: the SMILES has -1"),
        "a radical": (smiles("C[CH2]"), "multiplicity: "),
        "a biradical": (smiles("[CH2]"), "multiplicity: "),
        "an impossible multiplicity": (smiles("CC", multiplicity=2), "multiplicity: 2 cannot be had"),
        "more spins than electrons": (smiles("C", multiplicity=99), "multiplicity: 99 cannot be had"),
        "a metal": (smiles("C[Fe]C"), "types for all atoms"),
        "boron": (smiles("CBC"), "MMFF94 has no type"),
        "uranium": (smiles("F[U](F)(F)(F)(F)F"), "MMFF94 has no type"),
        "hydrogen": (smiles("[H][H]"), "MMFF94 has no type"),
        "an isotope alone": (smiles("[235U]"), "single atom"),
        "an isotope that cannot be": (smiles("[999C]C"), "multiplicity: "),
        "a fourfold bond": (smiles("C$C"), "not single, double, triple or aromatic"),
        "any bond": (smiles("C~C"), "not single, double, triple or aromatic"),
        "1,000 atoms": (smiles("C" * 333), "at most 250"),
        "brackets 400 deep": (smiles("C(" * 300 + "C" + ")" * 300), "at most 250"),
    },
    named="odd",
)

ROWS = Kind(
    "table",
    prepare,
    {
        "1,001 characters": (smiles("C" * 1001), "at most 1000 characters"),
        "empty": (smiles(""), "smiles"),
        "a space": (smiles(" "), "smiles"),
        "a line break": (smiles("C\nC"), "smiles"),
        "a NUL": (smiles("CC\0"), "smiles"),
        "a list": (text('{"name": "odd", "smiles": ["C"]}'), "smiles"),
    },
    named="--settings: molecule.smiles",
)
