"""What a cluster does to a run, done to a real one.  It keeps no accounts, as many do not."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.slurm.cluster import kill, output, start_daemon, wait_until
from tests.slurm.runs import state, toy

SHARED = ("--slurm-steady-batch-rules=sm*", "--latency-wait=5")


@pytest.mark.parametrize("seconds", [30, pytest.param(90, marks=pytest.mark.slow)])
def test_outage_of_the_controller(cluster: Path, tmp_path: Path, seconds: int) -> None:
    plain = toy(tmp_path / "plain", "--executor", "slurm", seconds=15)
    steady = toy(tmp_path / "steady", seconds=15)
    runs = [plain, steady]
    try:
        plain.wait_for_work(2)
        steady.wait_for_work(2)
        kill(cluster, "slurmctld", signal.SIGTERM)
        late = toy(tmp_path / "late", seconds=1)
        runs.append(late)
        time.sleep(seconds)
        assert not late.submitted
        start_daemon("slurmctld")
        assert steady.status(120) == 0, steady.text
        assert late.status(120) == 0, late.text
        assert (tmp_path / "steady/both.txt").read_text() == "one\ntwo\n"
        assert len(steady.submitted) == 3
        # If this one is done, too, then the fault was mended where it is, and our executor has less to do.
        assert {state(job) for job in plain.submitted} == {"COMPLETED"}
        assert plain.process.poll() is None, plain.text
        assert not (tmp_path / "plain/both.txt").exists()
    finally:
        for run in runs:
            run.interrupt()


def test_cancelled_job_is_submitted_again_or_reported(cluster: Path, tmp_path: Path) -> None:
    again = toy(tmp_path / "again", seconds=15)
    once = toy(tmp_path / "once", "--retries=0", seconds=15)
    for run in (again, once):
        run.wait_for_work(2)
        output("scancel", run.submitted[0])
    assert once.status(120) == 1, once.text
    assert f"SLURM-job '{once.submitted[0]}' failed, SLURM status is: 'CANCELLED'" in once.text
    assert len(list(once.folder.glob("*.txt"))) == 1, "--keep-going leaves the other one"
    assert again.status(120) == 0, again.text
    assert len(again.submitted) == 4


def test_jobs_that_share_one_of_slurm_do_not_share_their_fate(cluster: Path, tmp_path: Path) -> None:
    run = toy(tmp_path, *SHARED, "--retries=1", "all_small", seconds=0)
    assert run.status(120) == 1, run.text
    assert {path.stem for path in tmp_path.glob("*.small")} == {"0", "1", "3", "4"}
    asked = [output("scontrol", "--oneliner", "show", "job", job) for job in run.submitted]
    assert ["NumCPUs=4 " in text for text in asked] == [True, False], "all in one job, then the failed one alone"
    assert "MinMemoryNode=2400M" in asked[0]
    assert "TimeLimit=00:10:00" in asked[0], "two rounds of four and one"


def test_what_was_done_before_a_shared_job_ended_is_not_done_again(cluster: Path, tmp_path: Path) -> None:
    run = toy(tmp_path, *SHARED, "--retries=0", "all_small", seconds=300)
    wait_until(lambda: len(list(tmp_path.glob("*.small"))) == 4, "the quick ones", seconds=120)
    output("scancel", run.submitted[0])
    assert run.status(120) == 1, run.text
    assert len(run.finished) == 4
    assert run.text.count("Error in rule small:") == 1


def test_old_results_are_not_taken_for_those_of_a_shared_job(cluster: Path, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.small").touch()
    run = toy(tmp_path, *SHARED, "--retries=0", "--forceall", "all_small", seconds=-1)
    assert run.status(120) == 1, run.text
    assert not run.finished


@pytest.mark.slow
def test_slurmd_killed_on_a_drained_node(cluster: Path, tmp_path: Path) -> None:
    run = toy(tmp_path, seconds=15)
    run.wait_for_work(2)
    output("scontrol", "update", "nodename=n1", "state=drain", "reason=test")
    kill(cluster, "slurmd.n1")
    time.sleep(5)
    start_daemon("slurmd.n1")
    wait_until(lambda: len(run.submitted) == 3, "the last job", seconds=90)
    output("scontrol", "update", "nodename=n1", "state=resume")
    assert run.status(120) == 0, run.text
    assert len(run.submitted) == 3


@pytest.mark.slow
def test_controller_that_lost_its_jobs(cluster: Path, tmp_path: Path) -> None:
    run = toy(tmp_path, "--slurm-steady-forgotten-after-seconds=10", "--latency-wait=5", seconds=20)
    run.wait_for_work(2)
    kill(cluster, "slurmctld")
    for saved in (cluster / "state").glob("job_state*"):
        saved.unlink()
    start_daemon("slurmctld")
    assert run.status(180) == 0, run.text
    assert run.text.count("SLURM has forgotten job") == 2
    assert len(run.submitted) == 5


def test_interrupt_cancels_the_jobs(cluster: Path, tmp_path: Path) -> None:
    run = toy(tmp_path, seconds=60)
    run.wait_for_work(2)
    run.interrupt()
    wait_until(lambda: {state(job) for job in run.submitted} == {"CANCELLED"}, "cancelled jobs")
    assert not list(tmp_path.glob("*.txt"))


def test_interrupt_in_an_outage_ends_and_tells(cluster: Path, tmp_path: Path) -> None:
    run = toy(tmp_path, seconds=60)
    run.wait_for_work(2)
    kill(cluster, "slurmctld", signal.SIGTERM)
    run.process.send_signal(signal.SIGINT)
    try:
        assert run.status(150) == 1, run.text
    finally:
        start_daemon("slurmctld")
    wait_until(lambda: {state(job) for job in run.submitted} == {"RUNNING"}, "the controller", seconds=60)
    (advice,) = re.findall(r"When it does, `(scancel --name=\S+)`", run.text)
    output(*advice.split())
    wait_until(lambda: {state(job) for job in run.submitted} == {"CANCELLED"}, "cancelled jobs")


def test_node_that_is_lost(cluster: Path, tmp_path: Path) -> None:
    run = toy(tmp_path, seconds=10)
    run.wait_for_work(2)
    kill(cluster, "slurmd.n1")
    for job in run.submitted:
        subprocess.run(["pkill", "--signal", "KILL", "--full", rf"slurmstepd: \[{job}\."], check=True)
    output("scontrol", "update", "nodename=n1", "state=down", "reason=test")
    wait_until(lambda: {state(job) for job in run.submitted[:2]} == {"NODE_FAIL"}, "the loss")
    start_daemon("slurmd.n1")
    output("scontrol", "update", "nodename=n1", "state=resume")
    assert run.status(120) == 0, run.text
    assert len(run.submitted) == 5, "both again, then the third"
