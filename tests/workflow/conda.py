"""What Snakemake asks of conda, answered without a network.

An environment is a folder whose Python leaves a mark and is the one that runs the tests.
"""

import os
import shlex
import sys
from pathlib import Path

CONDA = """#!/usr/bin/env bash
set -eu
base={base}
case "$*" in
  "info --json") echo '{{"conda_prefix": "'$base'", "platform": "linux-64"}}' ;;
  "--version") echo "conda 26.1.0" ;;
  "config --get channel_priority --json") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
  "clean -y --tarballs") ;;
  *create*)
    while (($#)); do
      case $1 in --file | --file=*) file=$2 ;; --prefix) prefix=$2 ;; esac
      shift
    done
    mkdir -p "$prefix/bin"
    cp "$file" "$prefix/asked.yaml"
    printf '#!/usr/bin/env bash\\ntouch %s/used\\nexec %s "$@"\\n' "$prefix" {python} > "$prefix/bin/python"
    chmod +x "$prefix/bin/python" ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"""


def stand_in(folder: Path) -> str:
    """Write a `conda` into the folder; the search path that finds it first."""
    programs = folder / "conda" / "bin"
    programs.mkdir(parents=True)
    script = CONDA.format(base=shlex.quote(str(programs.parent)), python=shlex.quote(sys.executable))
    (programs / "conda").write_text(script)
    (programs / "conda").chmod(0o755)
    (programs / "activate").write_text('export PATH="$1/bin:$PATH"\n')
    return f"{programs}{os.pathsep}{os.environ['PATH']}"


def used(folder: Path) -> list[str]:
    """The environment files whose Python has run in the Snakemake folder."""
    return [path.with_name("asked.yaml").read_text() for path in (folder / ".snakemake/conda").glob("*/used")]
