"""A real Orthanc on the loopback, and a small server that misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import keyring
import pytest

from archives import MemoryKeyring, orthanc_is_installed, running_orthanc
from napari_medseg.core.pacs import PacsServer
from napari_medseg.io.dicom.web import cache, servers


@pytest.fixture(autouse=True)
def private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep cache and settings of a test in its own folder."""
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache" / "pacs")
    monkeypatch.setattr(servers, "settings_file", lambda: tmp_path / "settings" / "pacs.json")
    return tmp_path / "cache" / "pacs"


@pytest.fixture(autouse=True)
def memory_keyring() -> Iterator[MemoryKeyring]:
    before, own = keyring.get_keyring(), MemoryKeyring()
    keyring.set_keyring(own)
    yield own
    keyring.set_keyring(before)


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PacsServer]:
    """An Orthanc of this test alone: own configuration, port and storage; it asks for a password."""
    if not orthanc_is_installed():
        pytest.skip("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


Answer = Callable[[BaseHTTPRequestHandler], None]


class FakeArchive:
    """A server that answers each path as a test says.

    `answers` maps the end of a path to a function that writes the answer; `requests` keeps what was asked.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.is_over = threading.Event()
        archive = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                archive.answer(self)

            def do_POST(self) -> None:
                archive.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                archive.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/dicom-web"
        self.server = PacsServer("Fake", self.url, timeout_s=20)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        self.requests.append((handler.command, handler.path, dict(handler.headers)))
        ends = [end for end in self.answers if path.endswith(end)]
        if ends:
            self.answers[max(ends, key=len)](handler)
        else:
            send(handler, 404, b"")

    def close(self) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "text/html", **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    if status != 204:
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def records(*found: dict[str, Any]) -> Answer:
    body = json.dumps([{tag: {"vr": "LO", "Value": [value]} for tag, value in one.items()} for one in found]).encode()
    return lambda handler: send(handler, 200, body, "application/dicom+json")


def multipart(*parts: bytes, boundary: bytes = b"xyz", end: bytes = b"--\r\n") -> bytes:
    return b"".join(b"\r\n--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n" + part for part in parts) + (
        b"\r\n--" + boundary + end
    )


@pytest.fixture
def archive() -> Iterator[FakeArchive]:
    fake = FakeArchive()
    yield fake
    fake.close()


@pytest.fixture
def answers() -> Any:
    """The writers of answers."""

    class Answers:
        send = staticmethod(send)
        records = staticmethod(records)
        multipart = staticmethod(multipart)

    return Answers
