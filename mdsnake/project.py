"""The whole configuration: the shared sections and one for each family.

The Snakefile reads it, `config/schema.json` is generated from it.
"""

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from mdsnake.config import Base, Molecule, read_table
from mdsnake.errors import UserError
from mdsnake.families.backbone.config import Backbone, Protein
from mdsnake.families.kstep.config import CONTROLS, FLEXIBLE_CONTROLS, Kstep
from mdsnake.families.trajbert.config import Trajbert
from mdsnake.inputs import parse, read_yaml


class Project(Base):
    """`config/config.yaml`."""

    kstep: Kstep
    trajbert: Trajbert | None = Field(
        None, description="trajectory models of walkers on a surface; none: no such results"
    )
    backbone: Backbone | None = Field(None, description="models of protein backbones; none: no such results")

    @model_validator(mode="after")
    def _references_hold(self) -> "Project":
        for name, simulated in self.engines.items():
            start = simulated.bursts.start
            if start is not None and (start not in self.engines or self.engines[start].bursts.start is not None):
                lacks = "starts elsewhere itself" if start in self.engines else "is no engine"
                raise ValueError(f"engines.{name}.bursts.start: {start} {lacks}; name one that starts by itself")
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
            for member, network in self.kstep.members.items():
                if source.frozen_layers >= network.layers:
                    raise ValueError(
                        f"kstep.engines.{name}.transfer.frozen_layers: {source.frozen_layers} of the {network.layers} "
                        f"layers of {member} leave none to train"
                    )
            if source.engine is None:
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
        flexible = [name for name, member in self.kstep.members.items() if member.exact]
        flexible += [name for name in self.kstep.controls if name in FLEXIBLE_CONTROLS]
        for name, engine in self.kstep.engines.items():
            if flexible and engine.rollout and self.engines[name].constraints != "none":
                raise ValueError(
                    f"kstep.engines.{name}.rollout: {flexible[0]} refuses the rigid bonds of this engine; set its "
                    "constraints to none, or leave its rollout out"
                )
        return self

    def read_molecules(self) -> list[Molecule]:
        """The rows of the table, checked against the engines."""
        rows: list[Molecule] = read_table(self.molecules)
        for row in rows:
            for engine in row.engines or []:
                if engine not in self.engines:
                    raise UserError(f"{self.molecules}: {row.name}: engines: no engine {engine!r} in the configuration")
        return rows

    def read_proteins(self) -> list[Protein]:
        """The rows of the table of proteins; none without the section backbone."""
        if self.backbone is None:
            return []
        rows = read_table(self.backbone.proteins, Protein)
        motif = self.backbone.sample.motif
        if motif and motif.protein not in {row.name for row in rows}:
            raise UserError(f"{self.backbone.proteins}: no row {motif.protein!r}, which sample.motif names; add it")
        return rows


def read_project(path: Path) -> Project:
    """The configuration in a YAML or JSON file, which has no key twice."""
    return load_project(read_yaml(path, "no such configuration"), str(path))


def load_project(data: dict[str, Any], source: str = "config/config.yaml") -> Project:
    """The configuration, or a `UserError` of one line."""
    return parse(Project, data, source)


def schema_path() -> Path:
    """Where the committed JSON schema lies."""
    return Path(__file__).parents[1] / "config" / "schema.json"
