"""The same on a cluster that keeps accounts, asked by sacct."""

from pathlib import Path

from tests.slurm.cluster import output, wait_until
from tests.slurm.runs import toy

ACCOUNTING = True


def test_cancelled_job_is_seen_by_sacct(cluster: Path, tmp_path: Path) -> None:
    plain = toy(tmp_path / "plain", "--executor", "slurm", "--slurm-status-command=sacct", seconds=15)
    steady = toy(tmp_path / "steady", "--slurm-steady-status-command=sacct", seconds=15)
    try:
        for run in (plain, steady):
            run.wait_for_work(2)
            output("scancel", run.submitted[0])
        cancelled = plain.submitted[0]
        assert steady.status(180) == 0, steady.text
        assert len(steady.submitted) == 4
        # As in test_outage_of_the_controller: where this fails, the fault was mended.
        wait_until(lambda: plain.text.count("Finished jobid") == 1, "the other job", seconds=60)
        assert output("sacct", "-X", "--noheader", "--parsable2", "--format=State", f"--jobs={cancelled}") == (
            "CANCELLED by 0"
        )
        assert plain.process.poll() is None
        assert "CANCELLED" not in plain.text
    finally:
        plain.interrupt()
        steady.interrupt()
