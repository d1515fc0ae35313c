"""What failed: told at the end of a run, and left out of the next where `exclude_failed` says so."""

import zlib

from mdsnake.failures import Failure, read_failures, reason_of, told, update_failures

FAILED = f"{PROJECT.results}/summary/failed.csv"


def identity(molecule, engine):
    """Changes when what a molecule's results are made from does."""
    made_from = settings(
        molecule=ROWS.get(molecule),
        forcefield=PROJECT.forcefield,
        engines=[PROJECT.engines.get(name) for name in (engine, start_of(engine))],
        seed=PROJECT.seed,
        versions=VERSIONS,
    )
    return f"{zlib.crc32(made_from.encode()):08x}"


def left_out():
    """Failed jobs whose molecule is as it was then, by molecule and engine: the rules that failed."""
    try:
        rows = read_failures(FAILED) if PROJECT.exclude_failed else []
    except UserError as error:
        raise WorkflowError(f"{error}; delete it") from None
    found = {}
    for row in rows:
        if row.identity == identity(row.molecule, row.engine):
            found.setdefault((row.molecule, row.engine), set()).add(row.rule)
    return found


LEFT_OUT = left_out()


def failure(job):
    """A failed job of Snakemake's as a row of the table."""
    wildcards, log = job.wildcards_dict, str(next(iter(job.log), ""))
    molecule, engine = wildcards.get("molecule", ""), wildcards.get("engine", "")
    numbered = ("k", "replica", "seed")
    about = [f"{name} {value}" if name in numbered else value for name, value in wildcards.items()]
    return Failure(
        molecule,
        engine,
        job.rule.name,
        f"{job.rule.name} {', '.join(about)}".strip(),
        reason_of(log),
        log,
        str(next(iter(job.output), "")),
        identity(molecule, engine),
    )


def failed_jobs():
    """The failed jobs of this run; of a group, those that began and left no output."""
    for job in workflow.scheduler.failed:
        if not job.is_group():
            yield job
            continue
        for one in job.jobs:
            if all(map(os.path.exists, one.log)) and not all(map(os.path.exists, one.output)):
                yield one


def report_failures():
    """Tell of each failed job where a reader looks last, and keep the table of failed molecules."""
    failures = [failure(job) for job in failed_jobs()]
    if failures:
        print(told(failures, FAILED), file=sys.stderr)
    try:
        update_failures(FAILED, failures)
    except UserError as error:
        print(f"{error}; delete it", file=sys.stderr)


onstart:
    if LEFT_OUT:
        count = len({molecule for molecule, _ in LEFT_OUT})
        are = "molecule is" if count == 1 else "molecules are"
        print(f"{count} {are} left out, as exclude_failed says; reasons: {FAILED}", file=sys.stderr)


onsuccess:
    report_failures()


onerror:
    report_failures()
