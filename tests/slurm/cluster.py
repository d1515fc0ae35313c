"""A SLURM of two nodes on this machine, for tests: as root, on Debian, without systemd.

    python tests/slurm/cluster.py install
    python tests/slurm/cluster.py start FOLDER [--accounting]
    python tests/slurm/cluster.py stop FOLDER

Node n1 is in the partition cpu, n2 in gpu with two GPUs that are twins of /dev/null.  FOLDER takes the state and the
logs.  A machine that has a SLURM of its own is left alone, and `stop` ends only what `start` began.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ETC = Path("/etc/slurm")
MARK = "# Written by tests/slurm/cluster.py, which removes it.\n"
PACKAGES = ("slurm-wlm", "munge", "slurmdbd", "mariadb-server")
DAEMONS = ("slurmctld", "slurmd.n1", "slurmd.n2", "slurmdbd", "mariadbd", "munged")  # in the order of stopping
NODE_CPUS = 8


def missing() -> str:
    """Why no cluster can be started here; empty where it can."""
    if os.geteuid() != 0:
        return "SLURM's daemons are started as root"
    absent = [name for name in ("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd") if not shutil.which(name)]
    if absent:
        return f"no {', '.join(absent)}; as root on Debian: python tests/slurm/cluster.py install"
    if (ETC / "slurm.conf").exists() and not (ETC / "slurm.conf").read_text().startswith(MARK):
        return f"{ETC}/slurm.conf: this machine has a SLURM of its own"
    return ""


def install() -> None:
    """Debian's packages, without starting their services."""
    policy = Path("/usr/sbin/policy-rc.d")
    silenced = not policy.exists()
    if silenced:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    finally:
        if silenced:
            policy.unlink()


def start(folder: Path, accounting: bool = False) -> None:
    """Configure and start the cluster; returns when both nodes take jobs."""
    if (ETC / "slurm.conf").exists() and answers("scontrol", "ping"):
        raise RuntimeError(f"{ETC}/slurm.conf: another cluster of these tests is running")
    for name in ("state", "log", "n1", "n2"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if not answers("munge", "-n"):
        start_munge(folder)
    if accounting:
        start_database(folder)
    write_settings(folder, accounting)
    if accounting:
        start_daemon("slurmdbd")
        wait_until(lambda: answers("sacctmgr", "-n", "list", "cluster"), "slurmdbd")
        output("sacctmgr", "-i", "add", "cluster", "mdsnake")
    start_daemon("slurmctld")
    for node in ("n1", "n2"):
        start_daemon(f"slurmd.{node}")
    wait_until(lambda: node_states() == {"n1": "idle", "n2": "idle"}, "the nodes")


def stop(folder: Path) -> None:
    """Cancel all jobs and end the daemons that `start` began, by their process ids."""
    if answers("scontrol", "ping", seconds=5):
        output("scancel", "--user=root")
        wait_until(lambda: not output("squeue", "--noheader", "--states=R,CG"), "the last jobs", seconds=30)
    for daemon in DAEMONS:
        kill(folder, daemon, signal.SIGTERM)
    for name in ("slurm.conf", "gres.conf", "slurmdbd.conf"):
        path = ETC / name
        if path.exists() and path.read_text().startswith(MARK):
            path.unlink()


def start_daemon(name: str) -> None:
    """Start, or start again, slurmctld, slurmdbd, slurmd.n1 or slurmd.n2."""
    program, _, node = name.partition(".")
    subprocess.run([program, *(["-N", node] if node else [])], check=True, stdin=subprocess.DEVNULL)


def kill(folder: Path, daemon: str, how: int = signal.SIGKILL) -> None:
    """End a daemon, if `start` began it and it still runs, and wait until it has gone."""
    pid_file = folder / f"{daemon}.pid"
    if not pid_file.exists() or not (text := pid_file.read_text().strip()):
        return
    process = Path("/proc", text)
    if process.exists() and (process / "comm").read_text().startswith(daemon.partition(".")[0]):
        os.kill(int(text), how)
        wait_until(lambda: not running(process), daemon, seconds=60)
    pid_file.unlink(missing_ok=True)


def running(process: Path) -> bool:
    """Whether a process of /proc lives; one that nobody waits for stays there as a zombie."""
    try:
        return (process / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def start_munge(folder: Path) -> None:
    shutil.rmtree("/run/munge", ignore_errors=True)
    subprocess.run(["install", "-d", "-o", "munge", "-g", "munge", "-m", "0755", "/run/munge"], check=True)
    if not Path("/etc/munge/munge.key").exists():
        subprocess.run(["mungekey", "--create"], check=True)
    as_munge = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups"]
    subprocess.run([*as_munge, "munged", "--pid-file=/run/munge/munged.pid"], check=True)
    wait_until(lambda: answers("munge", "-n"), "munged")
    shutil.copy("/run/munge/munged.pid", folder / "munged.pid")


def start_database(folder: Path) -> None:
    """MariaDB in the folder, on a port of its own, with the user that slurmdbd is; as root, whose folders tests use."""
    data = folder / "mysql"
    common = ["--no-defaults", "--user=root", f"--datadir={data}"]
    if not (data / "mysql").exists():
        options = ["--auth-root-authentication-method=socket", "--skip-test-db"]
        subprocess.run(["mariadb-install-db", *common, *options], check=True, stdout=subprocess.DEVNULL)
    with open(folder / "log/mariadb.log", "w") as log:
        database = subprocess.Popen(
            ["mariadbd", *common, f"--socket={data}/my.sock", "--bind-address=127.0.0.1", "--port=13306"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / "mariadbd.pid").write_text(str(database.pid))
    client = ["--no-defaults", f"--socket={data}/my.sock", "--user=root"]
    wait_until(lambda: answers("mariadb-admin", *client, "ping"), "mariadbd")
    statements = (
        "CREATE DATABASE IF NOT EXISTS slurm_acct_db;"
        "CREATE USER IF NOT EXISTS 'slurm'@'127.0.0.1' IDENTIFIED BY 'slurm';"
        "GRANT ALL ON slurm_acct_db.* TO 'slurm'@'127.0.0.1';"
    )
    subprocess.run(["mariadb", *client, "-e", statements], check=True)


def write_settings(folder: Path, accounting: bool) -> None:
    """The three files of /etc/slurm; srun inside a job looks nowhere else."""
    for name in ("gpu0", "gpu1"):
        if not (folder / name).exists():
            os.mknod(folder / name, 0o020666, os.makedev(1, 3))
    values = {"folder": folder, "host": socket.gethostname().partition(".")[0], "cpus": NODE_CPUS}
    templates = Path(__file__).parent / "settings"
    written = {name: (templates / name).read_text().format(**values) for name in ("slurm.conf", "gres.conf")}
    if accounting:
        written["slurm.conf"] += (templates / "accounting.conf").read_text()
        written["slurmdbd.conf"] = (templates / "slurmdbd.conf").read_text().format(**values)
    ETC.mkdir(exist_ok=True)
    for name, text in written.items():
        path = ETC / name
        path.touch(mode=0o600)
        path.write_text(MARK + text)
        path.chmod(0o600 if name == "slurmdbd.conf" else 0o644)


def node_states() -> dict[str, str]:
    """State of each node."""
    lines = output("sinfo", "--noheader", "--Node", "--format=%N %t").splitlines()
    return dict(line.split() for line in lines)


def answers(*command: str, seconds: float = 10) -> bool:
    """Whether a command ends well within some seconds."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def output(*command: str) -> str:
    """What a command prints, stripped."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout.strip()


def wait_until(ready: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Look ten times a second; TimeoutError with the name of what did not come."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not ready after {seconds:g} s")
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("install", "start", "stop"))
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--accounting", action="store_true", help="slurmdbd and MariaDB, too")
    arguments = parser.parse_args()
    if arguments.action == "install":
        install()
        return
    if arguments.folder is None:
        parser.error("FOLDER is needed")
    if reason := missing():
        sys.exit(f"error: {reason}")
    folder = arguments.folder.resolve()
    if arguments.action == "start":
        start(folder, arguments.accounting)
        print(output("sinfo"))
    else:
        stop(folder)


if __name__ == "__main__":
    main()
