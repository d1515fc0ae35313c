"""Files from the web: fetched once, checked, and tried again where the web fails."""

import gzip
import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from urllib.parse import urlsplit

from mdsnake.errors import UserError
from mdsnake.families.backbone.config import Download
from mdsnake.inputs import LARGEST_BYTES
from mdsnake.store.atomic import replacing, write_text

#: Refusals that may be over when asked again.
TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
SUFFIX = re.compile(r"(\.(cif|pdb|ent))?(\.gz)?$")
TIMEOUT_SECONDS = 60


def downloaded(identifier: str, settings: Download, folder: Path, first_wait_seconds: float = 1.0) -> Path:
    """The structure `identifier` as a file of `folder`, fetched unless it lies there.

    Beside it lies its SHA-256.  A file that does not agree is fetched again; what is fetched must agree with a
    checksum that is there already, so a folder's checksums alone say which version of each structure was used.

    Raises
    ------
    UserError
        The source has no such structure, fails again and again, or has another version of it.
    """
    identifier = identifier.lower()
    url = settings.url.replace("{id}", identifier)
    suffix = SUFFIX.search(urlsplit(url).path)
    path = Path(folder) / f"{identifier}{suffix[0] if suffix else ''}"
    beside = path.with_name(f"{path.name}.sha256")
    pinned = beside.read_text(errors="replace").split()[:1] if beside.is_file() else []
    if pinned and path.is_file() and pinned == [_sha256(path.read_bytes())]:
        return path
    content = _fetched(url, settings.retries, first_wait_seconds)
    found = _sha256(content)
    if pinned and pinned != [found]:
        raise UserError(
            f"{identifier}: {url} has another version than before: its SHA-256 is not that of {beside}; delete that "
            "file to take the new one"
        )
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    if not pinned:
        write_text(beside, f"{found}  {path.name}\n")
    return path


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _fetched(url: str, retries: int, wait_seconds: float) -> bytes:
    """What `url` holds; waits double from one try to the next."""
    request = urllib.request.Request(url, headers={"User-Agent": "mdsnake"})
    for left in range(retries, -1, -1):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                content = answer.read(LARGEST_BYTES + 1)
                expected = answer.headers.get("Content-Length")
            if len(content) > LARGEST_BYTES:
                raise UserError(f"{url}: larger than {LARGEST_BYTES >> 30} GiB; is it a structure?")
            if expected not in (None, str(len(content))):
                raise OSError(f"{len(content)} of {expected} bytes came")
            if url.endswith(".gz"):
                gzip.decompress(content)  # its own checksum, of what arrived
            return content
        except urllib.error.HTTPError as error:
            if error.code not in TEMPORARY:
                raise UserError(
                    f"{url}: {error.code} {error.reason}; mend the PDB id in the table of proteins, or download.url"
                ) from error
            fault = f"{error.code} {error.reason}"
        except (OSError, EOFError, http.client.HTTPException, zlib.error) as error:
            fault = str(getattr(error, "reason", error)) or type(error).__name__
        if left:
            time.sleep(wait_seconds)
            wait_seconds *= 2
    raise UserError(f"{url}: {fault} (tries: {retries + 1}); try again later, or name a local file in the table")
