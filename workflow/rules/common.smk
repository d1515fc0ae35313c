"""Tables, paths and settings; no rule.  Every job parses this again, so it imports nothing heavy."""

import csv
import json
import os
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

from mdsnake.config import VERSIONS
from mdsnake.errors import UserError
from mdsnake.project import load_project

try:
    PROJECT = load_project(config, " + ".join(os.path.relpath(path) for path in workflow.configfiles))
    ROWS = {row.name: row for row in PROJECT.read_molecules()}
except UserError as error:
    raise WorkflowError(str(error)) from None

config.update(PROJECT.model_dump(mode="json"))  # the report shows defaults, too

PARTS = {"": ("train", "validation", "test"), ".learning": ("train", "validation")}
DEVICES = int(PROJECT.device == "cuda")


pathvars:
    results=PROJECT.results,


wildcard_constraints:
    molecule="|".join(map(re.escape, ROWS)),
    engine="|".join(PROJECT.engines),
    k=r"\d+",
    seed=r"\d+",
    replica=r"\d+",
    part="|".join(map(re.escape, PARTS)),


# Snakemake strips conda jobs of PYTHONPATH, hence the export.  Outside of conda, jobs run in the
# Python that runs Snakemake, activated or not.
prefix = f"set -euo pipefail; export PYTHONPATH={shlex.quote(workflow.basedir)} OPENMM_CPU_THREADS=$OMP_NUM_THREADS; "
if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
    prefix += f"export PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH; "
shell.prefix(prefix.replace("{", "{{").replace("}", "}}"))


def settings(**parts):
    """The JSON text of a job's settings: what it depends on, and nothing else."""
    return json.dumps(parts, default=lambda part: part.model_dump(mode="json"))


def flagged(name, option):
    """`option` before every file of the input called `name`; nothing where there is none."""
    return lambda wildcards, input: [word for path in input.get(name) for word in (option, path)]


def scratch(rule):
    """Folder of a job that outlives an interruption, so that it can go on."""
    return lambda wildcards: f"{PROJECT.results}/.work/{rule}/{'.'.join(wildcards)}"


def screened():
    """Rows of the screen's table, by molecule."""
    with open(checkpoints.screen.get().output.table, newline="") as table:
        return {row["molecule"]: row for row in csv.DictReader(table)}


def passed(engine=None, splits=PARTS[""]):
    """Split of every molecule that passed the screen, runs with `engine` and is in one of `splits`."""
    found = {
        name: row["split"]
        for name, row in screened().items()
        if row["status"] == "ok" and row["split"] in splits and (not engine or engine in row["engines"].split(","))
    }
    if not found:
        what = f"no molecule of split {' or '.join(splits)} is left for engine {engine or 'any'}"
        raise WorkflowError(f"{PROJECT.molecules}: {what}; reasons are in {PROJECT.results}/summary/molecules.csv")
    return found


def split_of(molecule):
    """Split of a molecule, or an error where the screen dropped it."""
    row = screened()[molecule]
    if row["status"] != "ok":
        raise WorkflowError(f"{PROJECT.molecules}: {molecule}: dropped: {row['reason']}")
    return row["split"]


def supplied_forcefield(wildcards):
    """The molecule's own force-field file, where the configuration names one."""
    return [PROJECT.forcefield.replace("{molecule}", wildcards.molecule)] if PROJECT.forcefield.endswith(".xml") else []


def pooled(path, part=None):
    """`path` of all molecules of the engine in a part of the splits: `part`, or the wildcard of that name."""
    return lambda wildcards: expand(
        path,
        molecule=passed(wildcards.engine, PARTS[wildcards.part if part is None else part]),
        engine=wildcards.engine,
    )


def report_errors():
    """The one line that each failed job ends with, once more where a reader looks last."""
    for path in sorted(Path(PROJECT.results, "logs").rglob("*.log")):
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("error: "):
                print(f"{path}: {line}", file=sys.stderr)


def on_gpu(wildcards):
    """GPUs of a simulation: none unless the engine asks for a platform that needs one."""
    return int(PROJECT.engines[wildcards.engine].platform in ("CUDA", "OpenCL", "HIP"))


def simulation(wildcards):
    """Settings of a simulation."""
    return settings(name=wildcards.molecule, engine=PROJECT.engines[wildcards.engine], seed=PROJECT.seed)


PREPARE_ENV = f"../../envs/{'openff' if PROJECT.forcefield.startswith('openff') else 'chem'}.yaml"

# Categories of the report; it is read from top to bottom.
RUN, RIGHT, COST, DROPPED = "1 What was run", "2 Is it right", "3 What did it cost", "4 What was dropped"

GRAPH = "<results>/{molecule}/prepare/graph.json"
BURSTS = "<results>/{molecule}/simulate/{engine}/bursts.h5"
