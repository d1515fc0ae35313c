"""The one format of every benchmark's result."""

import datetime
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = (
    "torch", "transformers", "deeptime", "openmm", "rdkit", "tblite", "ase", "gemmi", "tmtools", "numpy", "snakemake",
)  # fmt: skip
FIELDS = ("system", "member", "setting", "metric", "unit", "value", "low", "high", "n", "floor", "mark", "met")


def record(system: str, member: str, setting: str, metric: str, unit: str, value: float, **more: Any) -> dict[str, Any]:
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


def merged(path: Path, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records, and those of the file that are of something else, in order."""

    def key(one: dict[str, Any]) -> tuple[str, ...]:
        return tuple(one[name] for name in ("system", "member", "setting", "metric"))

    found = {key(one): one for one in json.loads(path.read_text())["records"]} if path.exists() else {}
    found |= {key(one): one for one in records}
    return [found[name] for name in sorted(found)]


def write(path: Path, records: list[dict[str, Any]]) -> None:
    """The records with the machine, the versions and the date."""
    result = {
        "machine": machine(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "date": datetime.date.today().isoformat(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in records)
    head = json.dumps({**result, "records": []}, ensure_ascii=False)
    path.write_text(head.replace('"records": []', f'"records": [\n{lines}\n]') + "\n")
    met, missed = (sum(one["met"] is told for one in records) for told in (True, False))
    print(f"{path}: {len(records)} records" + (f", {met} marks met, {missed} missed" if met + missed else ""))


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
