"""A page with sortable tables that needs no network."""

import html
from collections.abc import Iterable, Sequence
from typing import NamedTuple

STYLE = """
body{font:14px/1.45 system-ui,sans-serif;margin:1.5em;color:#222}
p{max-width:60em} table{border-collapse:collapse;margin:.6em 0 2em}
th,td{padding:.25em .7em;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}
th{cursor:pointer;background:#f3f3f3;position:sticky;top:0;vertical-align:bottom}
th:after{content:" ↕";color:#999} th[data-order="1"]:after{content:" ↑"} th[data-order="-1"]:after{content:" ↓"}
td.text,th.text{text-align:left;white-space:normal} small{color:#666;display:block}
tr:hover td{background:#fafafa} td.met{background:#e2f2ec} td.missed{background:#fbe6da}
dt{font-weight:600;margin-top:.4em} dd{margin:0 0 0 1.5em}
"""
SCRIPT = """
document.querySelectorAll("th").forEach(th => th.addEventListener("click", () => {
  const table = th.closest("table"), body = table.tBodies[0], column = th.cellIndex;
  const order = th.dataset.order === "1" ? -1 : 1;
  table.querySelectorAll("th").forEach(other => delete other.dataset.order);
  th.dataset.order = order;
  const key = row => row.cells[column].dataset.sort;
  [...body.rows].sort((a, b) => {
    const x = key(a), y = key(b);
    if (x === "" || y === "") return (x === "") - (y === "");
    return order * (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y);
  }).forEach(row => body.append(row));
}));
"""


class Cell(NamedTuple):
    """What a cell shows and sorts by; `note` is set small below it, `kind` is text, met, missed or empty."""

    text: str
    sort: str
    note: str = ""
    kind: str = ""


def words(text: object) -> Cell:
    return Cell(str(text), str(text), kind="text")


def element(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table; a header is sortable by a click, and left-aligned where its column is text."""
    rows = list(rows)
    kinds = [cell.kind for cell in rows[0]] if rows else [""] * len(header)
    head = "".join(
        f'<th class="{"text" if kind == "text" else ""}">{html.escape(name)}</th>'
        for name, kind in zip(header, kinds, strict=True)
    )
    body = "\n".join("<tr>" + "".join(_td(cell) for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def page(title: str, intro: str, sections: Iterable[tuple[str, str]], glossary: Iterable[tuple[str, str]] = ()) -> str:
    """A whole document: (heading, HTML) sections, then (term, meaning) pairs."""
    parts = "".join(f"<h2>{html.escape(heading)}</h2>\n{content}\n" for heading, content in sections)
    terms = "".join(f"<dt>{html.escape(term)}</dt><dd>{html.escape(meaning)}</dd>" for term, meaning in glossary)
    meaning = f"<h2>What the columns mean</h2><dl>{terms}</dl>" if terms else ""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n<h1>{html.escape(title)}</h1>\n<p>{html.escape(intro)}</p>\n"
        f"{parts}{meaning}<script>{SCRIPT}</script></body></html>\n"
    )


def _td(cell: Cell) -> str:
    note = f"<small>{html.escape(cell.note)}</small>" if cell.note else ""
    sort = html.escape(cell.sort, quote=True)
    return f'<td class="{cell.kind}" data-sort="{sort}">{html.escape(cell.text)}{note}</td>'
