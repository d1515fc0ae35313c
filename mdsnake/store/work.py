"""Scratch folders that let an interrupted job go on where it stopped."""

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mdsnake.errors import UserError
from mdsnake.store.atomic import telling_full_disk, write_text

#: Files of a folder that are no work yet.
NOTES = ("fingerprint", "platform", "chosen.json")


def fingerprint(*parts: Any) -> str:
    """Digest of what a result depends on; a `Path` counts by its content, none where its reader will refuse it."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            data = part.read_bytes() if part.is_file() else b""
        else:
            data = json.dumps(part, sort_keys=True).encode()
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()


@contextlib.contextmanager
def work_folder(path: str | Path, key: str) -> Iterator[Path]:
    """A folder that outlives an interruption and is removed after success, or where there is no work in it yet.

    What an earlier run left is kept only where its fingerprint equals `key`.  A second run of the same job is
    refused.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with telling_full_disk(path), _alone(path):
        stamp = path / "fingerprint"
        if stamp.exists() and stamp.read_bytes() != key.encode():
            print(f"{path}: work on other inputs, settings or by another version; discarded", flush=True)
            _remove(path)
        path.mkdir(exist_ok=True)
        if not stamp.exists() and any(not file.name.startswith(".fingerprint-") for file in path.iterdir()):
            raise UserError(f"{path}: holds files of another kind; name an empty scratch folder")
        for half in path.glob(".*"):  # what was being written when an earlier run was killed
            with contextlib.suppress(OSError):  # a folder is nobody's work, and NFS keeps files that are still open
                half.unlink()
        if not stamp.exists():
            write_text(stamp, key)
        try:
            yield path
        except BaseException:
            if all(file.name in NOTES for file in path.iterdir()):
                _remove(path)
            raise
        _remove(path)


def _remove(path: Path) -> None:
    """Remove the folder, its fingerprint last: a process that is killed half-way leaves a folder that is still ours."""
    for piece in path.iterdir():
        if piece.name != "fingerprint" and not piece.is_dir():
            piece.unlink()
    shutil.rmtree(path)


def is_whole(path: Path, *members: str) -> bool:
    """Whether the zip archive `path`, as NumPy and torch write them, is there and has `members`.

    A damaged one is told of and removed.
    """
    if not path.exists():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is None and {*members} <= {*archive.namelist()}:
                return True
    except Exception:  # whatever a damaged header may lead to
        pass
    _discard(path)
    return False


def read_note(path: Path) -> str:
    """The one line of a note, empty where there is none; a damaged one is told of and removed."""
    if not path.exists():
        return ""
    text = path.read_text(errors="surrogateescape")
    if text and text.isprintable():
        return text
    _discard(path)
    return ""


def _discard(path: Path) -> None:
    print(f"{path}: damaged; discarded and made again", flush=True)
    path.unlink()


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of the job in `path`, or tell who holds it.

    The operating system drops it with the process, however that ends.  On NFS (of any version since Linux 2.6.12) and
    on Lustre the server keeps it, so it also holds between the nodes of a cluster, and is dropped some 90 s after a
    node is lost; mounted with `nolock`, `local_lock` or `localflock` it holds within a node only.
    """
    lock = path.with_name(f"{path.name}.lock")
    while True:
        with open(lock, "a+") as file:
            _acquire(file, path)
            if not _is_at(file, lock):  # the owner before has unlinked it: another process may have locked a new one
                continue
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}")
            file.flush()
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _acquire(file: IO[str], path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        owner = file.read() or "another process"
        raise UserError(f"{path}: {owner} is at the same job; wait for it or stop it") from None
    except OSError as error:
        print(f"{path}: no locks here ({error.strerror}); see that no other process is at the same job", flush=True)
