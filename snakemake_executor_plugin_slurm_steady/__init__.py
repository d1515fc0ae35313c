"""Snakemake's SLURM executor, for runs that outlive their cluster's bad days: `snakemake --executor slurm-steady`.

It submits and watches jobs as `slurm` does, with the same settings (`--slurm-steady-...`), mends what was wrong with
version 2.8 of it, and lets small jobs share one of SLURM.  docs/cluster_setup.md tells what each fault does.
"""

import math
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import snakemake_executor_plugin_slurm as slurm
from snakemake.jobs import GroupJob
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface

OPTION = "--slurm-"
OURS = "--slurm-steady-"
WAIT_SECONDS = 5

common_settings = slurm.common_settings
query_job_status = slurm.query_job_status


@dataclass
class ExecutorSettings(slurm.ExecutorSettings):
    """Those of `slurm`; but sacct, its default, never answers where a cluster keeps no accounts."""

    status_command: str = field(
        default="squeue",
        metadata={"help": "How to ask for the state of jobs: squeue or sacct.", "env_var": False, "required": False},
    )
    forgotten_after_seconds: int = field(
        default=300,
        metadata={
            "help": "A job that SLURM no longer lists for so long is taken for ended, and judged by its output.",
            "env_var": False,
            "required": False,
        },
    )
    batch_rules: str = field(
        default="",
        metadata={
            "help": "Rules of small jobs, as 'prepare figure_*': those that are ready together share a job of SLURM.",
            "env_var": False,
            "required": False,
        },
    )
    batch_size: int = field(
        default=16,
        metadata={"help": "Most jobs that share one of SLURM.", "env_var": False, "required": False},
    )


class Batch(GroupJob):
    """Jobs that share a job of SLURM; a group that Snakemake does not know of, so each has its own fate."""

    @property
    def rule(self) -> Any:
        """That of one of them, for messages."""
        return next(iter(self.jobs)).rule


class Executor(slurm.Executor):
    """The SLURM executor, except that no job is forgotten, cancelled jobs are seen, and submission waits."""

    next_seconds_between_status_checks: int

    def __post_init__(self, *args: Any, **kwargs: Any) -> None:
        strange = [word for word in sys.argv if word.startswith(OPTION) and not word.startswith(OURS)]
        if strange:
            raise WorkflowError(f"{strange[0]}: is not read by this executor; write {OURS}... instead of {OPTION}...")
        if self.workflow.executor_settings.array_jobs:
            raise WorkflowError(f"{OURS}array-jobs: tasks of an array are judged by its first; group jobs instead")
        self.reported: list[SubmittedJobInfo] = []
        self.before: dict[JobExecutorInterface, list[tuple[int, int] | None]] = {}
        self.states: dict[str, str] | None = None
        self.leaving = threading.Event()
        slurm.query_job_status = self.query
        slurm.get_min_job_age = lambda: math.inf  # so that squeue is asked, never sacct instead
        super().__post_init__(*args, **kwargs)

    def run_jobs(self, jobs: list[JobExecutorInterface]) -> None:
        """Submit jobs; the small ones share jobs of SLURM, unless they failed before."""
        small = [job for job in jobs if self.is_small(job)]
        super().run_jobs([job for job in jobs if job not in small])
        alike = defaultdict(list)
        for job in small:
            alike[str(kind(job))].append(job)
        size = self.workflow.executor_settings.batch_size
        for batched in (some[start : start + size] for some in alike.values() for start in range(0, len(some), size)):
            batch = Batch("batch", frozenset(batched), self.workflow.global_resources)
            batch.finalize()
            for job in batched:
                self.before[job] = stamps(job)
                self.run_job_pre(job)
            self._job_submission_executor.submit(self.run_job, batch)

    def is_small(self, job: JobExecutorInterface) -> bool:
        patterns = self.workflow.executor_settings.batch_rules.split()
        return not job.is_group() and job.attempt == 1 and any(fnmatchcase(job.rule.name, p) for p in patterns)

    def run_job(self, job: JobExecutorInterface) -> None:
        """Submit a job, once the controller answers."""
        if not controller_answers():
            self.logger.warning("The SLURM controller does not answer; jobs are submitted when it does.")
            while not self.leaving.wait(WAIT_SECONDS) and not controller_answers():
                pass
        super().run_job(job)

    def format_job_exec(self, job: JobExecutorInterface) -> str:
        """A group is run by one Snakemake; `slurm-jobstep` would start one more for each job, one at a time."""
        call = super().format_job_exec(job)
        if job.is_group():
            call = call.replace(self.additional_general_args(), f"--keep-going --cores {job.threads}")
        return f"{call} || true" if isinstance(job, Batch) else call

    def report_job_submission(self, job_info: SubmittedJobInfo, register_job: bool = True) -> None:
        for one in single(job_info):
            super().report_job_submission(one, register_job)

    def report_job_success(self, job_info: SubmittedJobInfo) -> None:
        """Of those that share a job of SLURM, one that has no new output yet is looked at again for a while."""
        if job_info.aux.get("shared") and not self.is_made(job_info.job):
            now = time.monotonic()
            if now - job_info.aux.setdefault("ended", now) > self.workflow.execution_settings.latency_wait:
                self.report_job_error(job_info, msg="It failed in a job of SLURM that it shared with others. ")
            return
        self.reported.append(job_info)
        super().report_job_success(job_info)

    def report_job_error(self, job_info: SubmittedJobInfo, *args: Any, **kwargs: Any) -> None:
        """Of those that share a job of SLURM, one that was done before this ended is none."""
        for one in single(job_info):
            if one.aux and one.aux.get("shared") and self.is_made(one.job):
                self.report_job_success(one)
                continue
            self.reported.append(one)
            super().report_job_error(one, *args, **kwargs)

    def is_made(self, job: JobExecutorInterface) -> bool:
        """Whether every output was written since the job was handed over."""
        return all(now and now != before for now, before in zip(stamps(job), self.before[job], strict=True))

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncIterator[SubmittedJobInfo]:
        """Yield every job that was not reported; `slurm` drops them all when no state could be had."""
        settings, self.states, self.reported = self.workflow.executor_settings, None, []
        async for _ in super().check_active_jobs(active_jobs):
            pass
        # `slurm` looks ever more rarely, up to each 180 s: long for SLURM to list an ended job, and for short ones.
        most = 2 * settings.init_seconds_before_status_checks
        self.next_seconds_between_status_checks = min(self.next_seconds_between_status_checks, most)
        now = time.monotonic()
        for job_info in active_jobs:
            if any(job_info is reported for reported in self.reported):
                continue
            if self.states is None or job_info.external_jobid in self.states:
                job_info.aux["seen"] = now
            if now - job_info.aux.setdefault("seen", now) <= settings.forgotten_after_seconds:
                yield job_info
            else:
                self.logger.warning(f"SLURM has forgotten job {job_info.external_jobid}; its output is looked at.")
                job_info.aux["ended"] = -math.inf
                self.report_job_success(job_info)

    async def query(self, command: str, logger: Any) -> tuple[dict[str, str] | None, float | None]:
        """States of jobs, without the rest of sacct's "CANCELLED by 1000", which `slurm` takes for a running job."""
        states, seconds = await query_job_status(command, logger)
        self.states = states and {job: state.partition(" ")[0] for job, state in states.items()}
        return self.states, seconds

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Cancel what bears the name of the run: while states are asked for, the list of jobs is empty."""
        name = f"--name={self.run_uuid}"
        if controller_answers():
            super().cancel_jobs([SubmittedJobInfo(None, external_jobid=name)])
        else:
            self.logger.error(f"The SLURM controller does not answer: jobs run on. When it does, `scancel {name}`.")

    def shutdown(self) -> None:
        self.leaving.set()
        super().shutdown()


def kind(job: JobExecutorInterface) -> list[tuple[str, str]]:
    """What jobs that share one of SLURM must agree on: partition, account and the like."""
    sizes = ("mem", "disk", "tmpdir")
    return sorted((key, value) for key, value in job.resources.items() if isinstance(value, str) and key not in sizes)


def stamps(job: JobExecutorInterface) -> list[tuple[int, int] | None]:
    """Which file each output is, and when it was written; None where there is none."""
    found: list[tuple[int, int] | None] = []
    for path in job.output:
        try:
            status = os.stat(path)
            found.append((status.st_ino, status.st_mtime_ns))
        except FileNotFoundError:
            found.append(None)
    return found


def single(job_info: SubmittedJobInfo) -> Iterator[SubmittedJobInfo]:
    """The jobs that share a job of SLURM, each for itself; any other job as it is."""
    if not isinstance(job_info.job, Batch):
        yield job_info
        return
    for job in job_info.job:
        yield replace(job_info, job=job, aux=(job_info.aux or {}) | {"shared": True})


def controller_answers() -> bool:
    """Whether slurmctld can be reached."""
    try:
        return subprocess.run(["scontrol", "ping"], capture_output=True, timeout=30).returncode == 0
    except subprocess.TimeoutExpired:
        return False
