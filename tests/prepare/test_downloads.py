"""Downloads from a server of this machine."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mdsnake.errors import UserError
from mdsnake.families.backbone.config import Download
from mdsnake.prepare.downloads import downloaded

CONTENT = gzip.compress(b"data_1ABC\n", mtime=0)
WAIT_SECONDS = 0.01


class Server(ThreadingHTTPServer):
    """Answers with `answers` in turn, the last again and again: a status and a body, perhaps cut short."""

    answers: list[tuple[int, bytes, int]]
    asked: list[str]

    @property
    def settings(self) -> Download:
        return Download(url=f"http://127.0.0.1:{self.server_port}/download/{{id}}.cif.gz", retries=2)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        status, body, sent = self.server.answers[min(len(self.server.asked), len(self.server.answers) - 1)]
        self.server.asked.append(self.path)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        server.answers, server.asked = [whole(CONTENT)], []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def whole(body: bytes, status: int = 200) -> tuple[int, bytes, int]:
    return status, body, len(body)


BUSY = whole(b"", 503)


def fetched(server: Server, folder: Path) -> Path:
    return downloaded("1ABC", server.settings, folder, WAIT_SECONDS)


def refusal(server: Server, folder: Path) -> str:
    with pytest.raises(UserError) as error:
        fetched(server, folder)
    assert "\n" not in str(error.value)
    assert not (folder / "1abc.cif.gz").exists()
    return str(error.value)


def test_a_file_is_fetched_once_and_lies_beside_its_checksum(server: Server, tmp_path: Path) -> None:
    path = fetched(server, tmp_path / "downloads")
    assert path == fetched(server, tmp_path / "downloads") == tmp_path / "downloads/1abc.cif.gz"
    assert path.read_bytes() == CONTENT
    assert (tmp_path / "downloads/1abc.cif.gz.sha256").read_text().split() == [
        hashlib.sha256(CONTENT).hexdigest(), "1abc.cif.gz"
    ]  # fmt: skip
    assert server.asked == ["/download/1abc.cif.gz"]


@pytest.mark.parametrize(
    "bad",
    [BUSY, whole(b"", 429), whole(b"not gzip"), whole(CONTENT[:-4]), (200, CONTENT, 5)],
    ids=["busy", "too many", "no gzip", "gzip cut short", "sent in part"],
)
def test_a_server_that_fails_twice_is_asked_again(server: Server, tmp_path: Path, bad: tuple[int, bytes, int]) -> None:
    server.answers = [bad, bad, whole(CONTENT)]
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 3


def test_one_that_always_fails_is_one_line(server: Server, tmp_path: Path) -> None:
    server.answers = [BUSY]
    assert ": 503 Service Unavailable (tries: 3); try again later" in refusal(server, tmp_path)
    assert len(server.asked) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with Server(("127.0.0.1", 0), Handler) as gone:
        pass
    assert "Connection refused (tries: 3)" in refusal(gone, tmp_path)


def test_an_unknown_structure_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.answers = [whole(b"no such entry", 404)]
    assert "/download/1abc.cif.gz: 404 Not Found; mend the PDB id in the table" in refusal(server, tmp_path)
    assert len(server.asked) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_fetched_again(server: Server, tmp_path: Path) -> None:
    path = fetched(server, tmp_path)
    path.write_bytes(CONTENT[:-1])
    assert fetched(server, tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_file_without_its_checksum_is_fetched_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "1abc.cif.gz").write_bytes(b"half")
    assert fetched(server, tmp_path).read_bytes() == CONTENT


def test_another_version_than_the_checksum_says_is_refused(server: Server, tmp_path: Path) -> None:
    other = tmp_path / "1abc.cif.gz.sha256"
    other.write_text(hashlib.sha256(b"another").hexdigest() + "  1abc.cif.gz\n")
    line = refusal(server, tmp_path)
    assert f"another version than before: its SHA-256 is not that of {other}; delete that file" in line
    assert [path.name for path in tmp_path.iterdir()] == [other.name]


def test_a_checksum_that_is_no_text_is_one_clear_line(server: Server, tmp_path: Path) -> None:
    (tmp_path / "1abc.cif.gz.sha256").write_bytes(bytes(range(128, 256)))
    assert "delete that file to take the new one" in refusal(server, tmp_path)
