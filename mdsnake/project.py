"""The whole configuration: the shared sections and one for each family.

The Snakefile reads it, `config/schema.json` is generated from it.
"""

from pathlib import Path
from typing import Any

from pydantic import model_validator

from mdsnake.config import Base, Molecule, parse, read_table, slug_is_reserved
from mdsnake.errors import UserError
from mdsnake.families.kstep.config import CONTROLS, Kstep


class Project(Base):
    """`config/config.yaml`."""

    kstep: Kstep

    @model_validator(mode="after")
    def _references_hold(self) -> "Project":
        for name, engine in self.kstep.engines.items():
            if name not in self.engines:
                raise ValueError(f"kstep.engines.{name}: no such engine under engines")
            burst_steps = round(self.engines[name].bursts.length_fs / self.engines[name].timestep_fs)
            if max(engine.k) > burst_steps:
                raise ValueError(
                    f"kstep.engines.{name}.k: {max(engine.k)} is longer than a burst of {burst_steps} steps"
                )
            record_fs, step_fs = self.engines[name].record_fs, self.engines[name].timestep_fs
            for k in engine.k if engine.rollout else []:
                if abs(k * step_fs / record_fs - round(k * step_fs / record_fs)) > 1e-6:
                    lag = f"{k} steps of {step_fs:g} fs"
                    raise ValueError(f"kstep.engines.{name}.k: {lag} are no multiple of record_fs {record_fs:g}")
            source = engine.transfer
            if source is None:
                continue
            trained = self.kstep.engines[source.engine].k if source.engine in self.kstep.engines else []
            if source.engine == name:
                raise ValueError(f"kstep.engines.{name}.transfer: an engine cannot be its own source")
            if source.k not in trained:
                raise ValueError(
                    f"kstep.engines.{name}.transfer: no model is trained on {source.engine} with k={source.k}"
                )
        for member in self.kstep.members:
            if member in CONTROLS:
                raise ValueError(f"kstep.members.{member}: the name belongs to a control")
        return self

    def read_molecules(self) -> list[Molecule]:
        """The rows of the table, checked against the engines."""
        rows: list[Molecule] = read_table(self.molecules)
        for row in rows:
            if slug_is_reserved(row.name):
                raise UserError(f"{self.molecules}: {row.name}: the name is reserved for results; choose another")
            for engine in row.engines or []:
                if engine not in self.engines:
                    raise UserError(f"{self.molecules}: {row.name}: engines: no engine {engine!r} in the configuration")
        return rows


def load_project(data: dict[str, Any], source: str = "config/config.yaml") -> Project:
    """The configuration, or a `UserError` of one line."""
    return parse(Project, data, source)


def schema_path() -> Path:
    """Where the committed JSON schema lies."""
    return Path(__file__).parents[1] / "config" / "schema.json"
