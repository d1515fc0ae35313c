"""Text from outside, read whole and checked, or refused in one line that names the file, the key or row, and a cure."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError
from yaml.constructor import ConstructorError

from mdsnake.errors import UserError

LARGEST_BYTES = 2**30
MOST_MERGED_KEYS = 1000
#: Characters that no text needs: a file with one is binary, or damaged.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

T = TypeVar("T")


def read_text(path: str | Path, absent: str = "no such file") -> str:
    """The text of the file `path`, in UTF-8 and with lines that end in a newline; `absent` tells that there is none."""
    path, shown = Path(path), short(str(path))
    try:
        if path.is_dir():
            raise UserError(f"{shown}: a folder, where a file is needed; name the file")
        if not path.is_file():
            raise UserError(f"{shown}: {absent}")
        if path.stat().st_size > LARGEST_BYTES:
            raise UserError(f"{shown}: larger than {LARGEST_BYTES >> 30} GiB; is it the right file?")
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{shown}: byte {error.start} is not UTF-8 text; save the file as UTF-8") from error
    except OSError as error:
        raise UserError(f"{shown}: cannot be read ({error.strerror}); name another file or mend its rights") from error
    if found := CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise UserError(f"{shown}: line {line}: holds the control character {found[0]!r}; is it a text file?")
    return text


def read_rows(
    path: str | Path, absent: str, needed: Iterable[str] = (), allowed: Iterable[str] = (), delimiter: str = ","
) -> list[dict[str, str]]:
    """Rows of a table with a header; `#` starts a comment line.

    The header has the columns `needed` and no other than those `allowed`, where any are given.
    """
    lines = [line for line in read_text(path, absent).split("\n") if line.strip() and not line.startswith("#")]
    reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
    try:
        names, rows = reader.fieldnames or [], list(reader)
    except csv.Error as error:
        raise UserError(f"{path}: near row {reader.line_num}: {error}; mend its quotation marks") from error
    if twice := _repeated(names):
        raise UserError(f"{path}: header: {short(twice)!r} stands there twice; name each column once")
    if lacking := [name for name in needed if name not in names]:
        raise UserError(f"{path}: header: no column {lacking[0]!r}; the first line names the columns")
    if unknown := [name for name in names if allowed and name not in allowed]:
        raise UserError(f"{path}: header: unknown column {short(unknown[0])!r}; columns are {', '.join(allowed)}")
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            between = "tabs" if delimiter == "\t" else "commas"
            raise UserError(
                f"{path}: row {number} ({short(next(iter(row.values())) or 'empty')}): as many columns as the header "
                f"are needed, separated by {between}"
            )
    return rows


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, and merged keys that multiply."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        twice = _repeated([key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
        if twice:
            raise ConstructorError(None, None, f"the key {twice!r} stands there twice", node.start_mark)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_MERGED_KEYS:
            raise ConstructorError(None, None, "too many merged keys", node.start_mark)


def read_yaml(path: str | Path, absent: str = "no such file") -> Any:
    """What a YAML or JSON file holds."""
    text = read_text(path, absent)
    try:
        return yaml.load(text, Loader=_Loader)
    except RecursionError as error:
        raise UserError(f"{path}: not valid YAML: nested too deeply; write it flat") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # a number or date may be none that Python has
        raise UserError(f"{path}: not valid YAML: {short(str(error), 300)}") from error


def parse(kind: type[T], data: Any, source: str, cure: str = "") -> T:
    """`data` as a `kind`, or a `UserError` of one line that names `source` and the key, and ends with `cure`."""
    return _checked(TypeAdapter(kind).validate_python, data, source, cure)


def parse_json(kind: type[T], text: str, source: str, cure: str = "") -> T:
    """The JSON `text` as a `kind`, as `parse` does."""
    return _checked(TypeAdapter(kind).validate_json, text, source, cure)


def _checked(validate: Callable[[Any], T], data: Any, source: str, cure: str) -> T:
    try:
        return validate(data)
    except ValidationError as error:
        raise UserError(one_line(error, source) + (f"; {cure}" if cure else "")) from error


def one_line(error: ValidationError, source: str) -> str:
    """The first fault of `error` as `source: key: what`."""
    # A misspelt key shows twice, as one too many and one that lacks; the first is the one to tell.
    first = min(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    if first["type"] == "json_invalid":
        return f"{source}: not valid JSON: {first['ctx']['error']}"
    key = ".".join(short(str(part)) for part in first["loc"]) or "configuration"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "unknown key; remove it or mend its spelling"
    more = error.error_count() - 1
    return f"{source}: {key}: {message}" + (f" (and {more} more)" if more else "")


def _repeated(names: Any) -> str | None:
    return next((name for name, count in Counter(names).items() if count > 1), None)


def short(text: str, most: int = 200) -> str:
    """`text` on one line, cut at `most` characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}…"
