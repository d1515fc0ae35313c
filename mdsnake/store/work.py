"""Scratch folders that let an interrupted job go on where it stopped."""

import contextlib
import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mdsnake.errors import UserError
from mdsnake.store.atomic import write_text


def fingerprint(*parts: Any) -> str:
    """Digest of what a result depends on; a `Path` counts by its content."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else json.dumps(part, sort_keys=True).encode()
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()


@contextlib.contextmanager
def work_folder(path: str | Path, key: str) -> Iterator[Path]:
    """A folder that outlives an interruption and is removed after success.

    What an earlier run left is kept only where its fingerprint equals `key`.  A lock, which the
    operating system drops with the process, keeps a second run of the same job out.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / f"{path.name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"{path}: another process is at the same job; wait for it or stop it") from None
        stamp = path / "fingerprint"
        if path.exists() and (not stamp.exists() or stamp.read_text() != key):
            shutil.rmtree(path)
        path.mkdir(exist_ok=True)
        if not stamp.exists():
            write_text(stamp, key)
        yield path
        shutil.rmtree(path)
        Path(lock.name).unlink(missing_ok=True)
