"""All evaluations of backbones in one table."""

from collections.abc import Sequence
from pathlib import Path

from mdsnake.evaluate.proteins.drawings import read_drawing
from mdsnake.evaluate.records import Score, write_records


def summarize_proteins(files: Sequence[Path], out: Path) -> None:
    """Write the scores of all `curves.json` to `out`."""
    write_records(out, [score for file in files for score in read_drawing(file).records], Score)
