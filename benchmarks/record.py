"""The one format of every benchmark's result."""

import datetime
import json
import os
import platform
from collections.abc import Callable, Hashable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = (
    "torch", "transformers", "deeptime", "openmm", "rdkit", "tblite", "ase", "gemmi", "tmtools", "numpy", "snakemake",
)  # fmt: skip
Record = dict[str, Any]
FIELDS = ("system", "member", "setting", "metric", "unit", "value", "low", "high", "n", "floor", "mark", "met")


def record(system: str, member: str, setting: str, metric: str, unit: str, value: float, **more: Any) -> Record:
    """One measured figure; `low` and `high` bound it, `floor` is its noise floor, `mark` what it should reach."""
    unknown = more.keys() - set(FIELDS)
    if unknown:
        raise TypeError(f"no such fields: {sorted(unknown)}")
    first = {"system": system, "member": member, "setting": setting, "metric": metric, "unit": unit, "value": value}
    return {name: _plain((first | more).get(name)) for name in FIELDS}


def over_seeds(values: list[float]) -> dict[str, float]:
    """Mean, 95 % interval of the mean (Student's t), and n."""
    from scipy.stats import t

    finite = np.array([v for v in values if np.isfinite(v)])
    if len(finite) == 0:
        return {"value": float("nan"), "n": 0}
    half = (
        float(t.ppf(0.975, len(finite) - 1) * finite.std(ddof=1) / np.sqrt(len(finite))) if len(finite) > 1 else np.nan
    )
    mean = float(finite.mean())
    return {"value": mean, "low": mean - half, "high": mean + half, "n": len(finite)}


def identity(one: Record) -> tuple[str, ...]:
    """What a record is of."""
    return tuple(one[name] for name in ("system", "member", "setting", "metric"))


def write(path: Path, records: list[Record], part: Callable[[Record], Hashable] | None = None) -> None:
    """A run: the records with the machine, the versions and the date.

    Of the runs before, the file keeps the records of whose `part` none is new; without `part` it keeps none.
    """
    run = {
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "date": datetime.date.today().isoformat(),
        "records": records,
    }
    runs = json.loads(path.read_text())["runs"] if part and path.exists() else []
    anew = {part(one) for one in records} if part else set()
    for before in runs:
        before["records"] = [one for one in before["records"] if part and part(one) not in anew]
    runs = [one for one in [*runs, run] if one["records"]]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"runs": [\n' + ",\n".join(map(_lines, runs)) + "\n]}\n")
    met, missed = (sum(one["met"] is told for one in records) for told in (True, False))
    print(f"{path}: {len(records)} records" + (f", {met} marks met, {missed} missed" if met + missed else ""))


def _lines(run: dict[str, Any]) -> str:
    """JSON, a line for each record."""
    records = ",\n".join(json.dumps(one, ensure_ascii=False) for one in run["records"])
    return json.dumps(run | {"records": []}, ensure_ascii=False).removesuffix("]}") + f"\n{records}\n]}}"


def machine() -> str:
    """Processor and cores of this machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def _plain(value: Any) -> Any:
    """A JSON value: numbers rounded to five digits, none where not finite."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    number = float(value)
    return float(f"{number:.5g}") if np.isfinite(number) else None
