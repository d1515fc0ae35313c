"""Tables, paths and settings; no rule.  Every job parses this again, so it imports nothing heavy."""

import gc
import json
import os
import re
import shlex
import sys
from functools import lru_cache

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

from mdsnake.config import VERSIONS
from mdsnake.errors import UserError
from mdsnake.inputs import read_rows, read_yaml
from mdsnake.project import load_project

try:
    for path in workflow.configfiles:
        read_yaml(path)  # Snakemake takes the last of two equal keys
    PROJECT = load_project(config, " + ".join(os.path.relpath(path) for path in workflow.configfiles))
    ROWS = {row.name: row for row in PROJECT.read_molecules()}
except UserError as error:
    raise WorkflowError(str(error)) from None

config.update(PROJECT.model_dump(mode="json"))  # the report shows defaults, too

# Planning makes millions of objects that all live on; to look through them again and again takes a sixth of its time.
gc.set_threshold(100_000, 50, 50)

PER_MOLECULE = ("prepare", "simulate", "bursts", "rollout", "evaluate")
PARTS = {"": ("train", "validation", "test"), ".learning": ("train", "validation")}
DEVICES = int(PROJECT.device == "cuda")
#: Files of families that begin with no molecule, by the stage that makes them.
STAGE_FILES = {stage: [] for stage in ("prepare", "simulate", "window", "train", "rollout", "evaluate")}
SCREEN = f"{PROJECT.results}/summary/molecules.csv"
SCREEN_COLUMNS = ("molecule", "status", "reason", "split", "engines", "n_atoms")


pathvars:
    results=PROJECT.results,


# Not the names of all molecules: with thousands of them, matching that would take longer than anything else.
wildcard_constraints:
    molecule="(?!trajbert/|backbone/)[A-Za-z0-9_-]+",
    engine="|".join(PROJECT.engines),
    k="|".join(sorted({str(k) for engine in PROJECT.kstep.engines.values() for k in engine.k})),
    seed=r"\d+",
    replica=r"\d+",
    part="|".join(map(re.escape, PARTS)),


# Snakemake strips conda jobs of PYTHONPATH, hence the export.  Outside of conda, jobs run in the
# Python that runs Snakemake, activated or not.  A job on a cluster stops in time to keep its work: `budget MINUTES`.
prefix = f"set -euo pipefail; export PYTHONPATH={shlex.quote(workflow.basedir)}${{PYTHONPATH:+:$PYTHONPATH}} OPENMM_CPU_THREADS=$OMP_NUM_THREADS; "
if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
    prefix += f"export PATH={shlex.quote(os.path.dirname(sys.executable))}:$PATH; "
budget = "export MDSNAKE_TIME_BUDGET=$(($1 * 9 / 10 - 1))" if workflow.remote_exec else ":"
prefix += f"budget() {{ {budget}; }}; "
shell.prefix(prefix.replace("{", "{{").replace("}", "}}"))


def settings(**parts):
    """The JSON text of a job's settings: what it depends on, and nothing else."""
    return json.dumps(parts, default=lambda part: part.model_dump(mode="json"))


def flagged(name, option):
    """`option` before every file of the input called `name`; nothing where there is none."""
    return lambda wildcards, input: [word for path in input.get(name, []) for word in (option, path)]


def scratch(rule):
    """Folder of a job that outlives an interruption, so that it can go on."""
    return lambda wildcards: f"{PROJECT.results}/.work/{rule}/{'.'.join(wildcards)}"


def read_screen(table):
    """Rows of the screen's table by molecule, read again only where it has changed."""
    return _read_screen(table, os.stat(table).st_mtime_ns)


@lru_cache(maxsize=1)
def _read_screen(table, _modified):
    try:
        rows = read_rows(table, "no such table", SCREEN_COLUMNS)
    except UserError as error:
        raise WorkflowError(f"{error}; delete it, and it is made again") from None
    return {row["molecule"]: row for row in rows}


def screened_so_far():
    """Rows of the screen's table by molecule; none before the screen."""
    return read_screen(SCREEN) if os.path.exists(SCREEN) else {}


screened_so_far()  # a foreign table is refused here; in a function of a rule, Snakemake puts a traceback around it


def screened():
    """Rows of the screen's table by molecule, once the screen has run."""
    return read_screen(checkpoints.screen.get().output.table)


def passed(engine=None, splits=PARTS[""], rules=("prepare", "simulate", "bursts")):
    """Split of every molecule that passed the screen, runs with `engine` and is in one of `splits`.

    With `exclude_failed`, those that failed in one of `rules` are left out.
    """
    found = {
        name: row["split"]
        for name, row in screened().items()
        if row["status"] == "ok" and row["split"] in splits and (not engine or engine in row["engines"].split(","))
        if failed_rules(name, engine).isdisjoint(rules)
    }
    if not found:
        what = f"no molecule of split {' or '.join(splits)} is left for engine {engine or 'any'}"
        raise WorkflowError(f"{PROJECT.molecules}: {what}; reasons are in {PROJECT.results}/summary/molecules.csv")
    return found


def failed_rules(molecule, engine):
    """Rules that failed for the molecule: with any engine, with `engine`, and the bursts that its own start from."""
    own, start = LEFT_OUT.get((molecule, engine), set()), LEFT_OUT.get((molecule, start_of(engine)), set())
    return LEFT_OUT.get((molecule, ""), set()) | own | (start & {"bursts"})


def start_of(engine):
    """The engine whose bursts those of `engine` start from, if they do."""
    return PROJECT.engines[engine].bursts.start if engine in PROJECT.engines else None


def split_of(molecule):
    """Split of a molecule, or an error where the screen dropped it."""
    # One that has passed before is not asked for again: to a job that waits for a checkpoint all seems changed.
    row = screened_so_far().get(molecule)
    if not row or row["status"] != "ok":
        row = screened()[molecule]
    if row["status"] != "ok":
        raise WorkflowError(f"{PROJECT.molecules}: {molecule}: dropped: {row['reason']}")
    return row["split"]


def supplied_forcefield(wildcards):
    """The molecule's own force-field file, where the configuration names one."""
    if wildcards.molecule not in ROWS:
        raise WorkflowError(f"{PROJECT.molecules}: {wildcards.molecule}: no such molecule; add a row for it")
    return [PROJECT.forcefield.replace("{molecule}", wildcards.molecule)] if PROJECT.forcefield.endswith(".xml") else []


def pooled(path, part=None):
    """`path` of all molecules of the engine in a part of the splits: `part`, or the wildcard of that name."""
    return lambda wildcards: expand(
        path,
        molecule=passed(wildcards.engine, PARTS[wildcards.part if part is None else part]),
        engine=wildcards.engine,
    )


def on_gpu(wildcards):
    """GPUs of a simulation: none unless the engine asks for a platform that needs one."""
    return int(PROJECT.engines[wildcards.engine].platform in ("CUDA", "OpenCL", "HIP"))


def simulation(wildcards, bursts=False):
    """Settings of a replica, or of the bursts: the one does not depend on how many there are of the other."""
    engine = PROJECT.engines[wildcards.engine]
    told = {"bursts": engine.bursts} if bursts else {}
    return settings(name=wildcards.molecule, engine=engine.plain, **told, seed=PROJECT.seed)


def started(wildcards):
    """The bursts of another engine that those of an engine start from, if they do."""
    start = start_of(wildcards.engine)
    return expand(BURSTS, molecule=wildcards.molecule, engine=start) if start else []


PREPARE_ENV = f"../../envs/{'openff' if PROJECT.forcefield.startswith('openff') else 'chem'}.yaml"

# Categories of the report; it is read from top to bottom.
RUN, RIGHT, COST, DROPPED = "1 What was run", "2 Is it right", "3 What did it cost", "4 What was dropped"


GRAPH = "<results>/{molecule}/prepare/graph.json"
BURSTS = "<results>/{molecule}/simulate/{engine}/bursts.h5"
