"""Files that are either whole or absent."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mdsnake.errors import UserError

#: No space on the disk, in the quota, or for a file of this size; libraries put the text into errors of their own.
FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


@contextlib.contextmanager
def telling_full_disk(path: str | Path) -> Iterator[None]:
    """Report a disk that is full while `path` is written as a `UserError`."""
    try:
        yield
    except Exception as error:
        if any(text in str(error) for text in FULL):
            raise UserError(f"{path}: the disk is full; free some space and run again") from error
        raise


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success fsync it and rename it into place.

    On any failure the temporary file is removed and `path` keeps what it held before.
    A full disk is reported as a `UserError`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    except OSError as error:
        error.filename = str(path)  # the user knows no other
        raise
    os.close(handle)
    temporary = Path(name)
    try:
        with telling_full_disk(path):
            yield temporary
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
