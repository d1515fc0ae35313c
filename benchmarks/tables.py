"""benchmarks/README.md from the committed results: no figure is typed by hand.

python benchmarks/tables.py            # writes it
python benchmarks/tables.py --check    # fails where it is not what the results say
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
COLUMNS = ("system", "member", "setting", "metric", "value", "interval", "n", "floor", "mark", "met")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    text = (HERE / "head.md").read_text() + "".join(section(path) for path in sorted(HERE.glob("results/*.json")))
    readme = HERE / "README.md"
    if check and readme.read_text() != text:
        sys.exit("benchmarks/README.md: not what benchmarks/results says; run python benchmarks/tables.py")
    readme.write_text(text)


def section(path: Path) -> str:
    """A heading, where and when it was run, the marks that were missed, and every record."""
    result = json.loads(path.read_text())
    records = result["records"]
    judged = [r for r in records if r["met"] is not None]
    missed = [r for r in judged if not r["met"]]
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    lines = [
        f"\n## {path.stem}\n",
        f"{result['machine']}; {result['date']}; {versions}.\n",
        f"{len(judged) - len(missed)} of {len(judged)} marks met.\n" if judged else "",
        *(["### Marks missed\n", table(missed)] if missed else []),
        "<details><summary>Every record</summary>\n",
        table(records),
        "</details>\n",
    ]
    return "\n".join(lines)


def table(records: list[dict[str, Any]]) -> str:
    rows = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    rows += ["| " + " | ".join(cells(record)) + " |" for record in records]
    return "\n".join(rows) + "\n"


def cells(record: dict[str, Any]) -> list[str]:
    unit = "" if record["unit"] in ("1", None) else f" {record['unit']}"
    interval = f"{record['low']:.4g} to {record['high']:.4g}" if record["low"] is not None else ""
    return [
        record["system"],
        record["member"],
        record["setting"],
        record["metric"],
        number(record["value"]) + unit,
        interval,
        "" if record["n"] is None else f"{record['n']:.0f}",
        number(record["floor"]),
        record["mark"] or "",
        {True: "yes", False: "**no**", None: ""}[record["met"]],
    ]


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    main()
