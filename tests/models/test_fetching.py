"""Fetching, against a server that lives in this process."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from napari_medseg.core import MedsegError
from napari_medseg.core.progress import Cancelled
from napari_medseg.models.fetching import fetch, look_up

CONTENT = bytes(range(256)) * 20_000  # 5 MB
SUM = hashlib.sha256(CONTENT).hexdigest()
URL = "https://models.example.org/organs.zip?download=1"


class Server(BaseAdapter):
    """Gives `CONTENT`; breaks off after `breaks_after` bytes of an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []
        self.breaks_after: int | None = None
        self.tag = '"1"'
        self.content = CONTENT
        self.length: int | None = len(CONTENT)
        self.turns: dict[str, str] = {}

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        assert request.url is not None
        wanted = request.headers.get("Range", "")
        self.asked.append((request.url, wanted))
        headers = {"ETag": self.tag}
        status, body = 200, self.content
        if request.url in self.turns:
            status, body, headers = 302, b"", {"Location": self.turns[request.url]}
        elif (match := re.match(r"bytes=(\d+)-", wanted)) and request.headers["If-Range"] == self.tag:
            start = int(match[1])
            status, body = 206, self.content[start:]
            headers["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        if status != 302 and self.length is not None:
            headers["Content-Length"] = str(self.length - (len(self.content) - len(body)))
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url, request
        response.headers.update(headers)
        response.raw = HTTPResponse(io.BytesIO(body[: self.breaks_after]), preload_content=False)
        return response

    def close(self) -> None:
        pass


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def session(server: Server) -> requests.Session:
    session = requests.Session()
    session.mount("https://", server)
    return session


def test_the_size_is_told_before(session: requests.Session) -> None:
    remote = look_up(URL, session)
    assert (remote.host, remote.name, remote.size_bytes) == ("models.example.org", "organs.zip", len(CONTENT))


def test_a_file_comes_whole_with_its_checksum(session: requests.Session, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    path, found = fetch(URL, folder=tmp_path, session=session, on_progress=lambda a, b, _: steps.append((a, b)))
    assert (path.name, path.read_bytes(), found) == ("organs.zip", CONTENT, SUM)
    assert steps == sorted(steps) and steps[-1] == (5, 5)


def test_what_broke_off_is_taken_up_again(server: Server, session: requests.Session, tmp_path: Path) -> None:
    server.breaks_after = 3 * 2**20
    with pytest.raises(MedsegError, match="3 MB") as caught:
        fetch(URL, folder=tmp_path, session=session)
    assert "kept" in caught.value.hint
    server.breaks_after = None
    assert fetch(URL, folder=tmp_path, session=session)[1] == SUM
    assert server.asked[-1] == (URL, f"bytes={3 * 2**20}-")


def test_a_file_that_has_changed_meanwhile_begins_anew(
    server: Server, session: requests.Session, tmp_path: Path
) -> None:
    server.breaks_after = 2**20
    with pytest.raises(MedsegError):
        fetch(URL, folder=tmp_path, session=session)
    server.breaks_after, server.tag, server.content = None, '"2"', CONTENT[::-1]
    assert fetch(URL, folder=tmp_path, session=session)[0].read_bytes() == CONTENT[::-1]


def test_a_stop_keeps_what_has_come(server: Server, session: requests.Session, tmp_path: Path) -> None:
    def stop(done: int, _total: int, _label: str) -> None:
        if done >= 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch(URL, folder=tmp_path, session=session, on_progress=stop)
    assert fetch(URL, folder=tmp_path, session=session)[1] == SUM
    assert server.asked[-1][1].startswith("bytes=2")


def test_another_checksum_is_refused(session: requests.Session, tmp_path: Path) -> None:
    with pytest.raises(MedsegError, match="not the one that was asked for"):
        fetch(URL, sha256="0" * 64, folder=tmp_path, session=session)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "version"]


def test_more_than_was_promised_is_refused(server: Server, session: requests.Session, tmp_path: Path) -> None:
    server.length = 1000
    with pytest.raises(MedsegError, match="more than it promised"):
        fetch(URL, folder=tmp_path, session=session)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://models.example.org/a.zip", "https"),
        ("ftp://models.example.org/a.zip", "https"),
        ("file:///etc/passwd", "https"),
        ("https://user:word@models.example.org/a.zip", "password"),
    ],
)
def test_other_addresses_are_refused(server: Server, session: requests.Session, url: str, words: str) -> None:
    with pytest.raises(MedsegError, match=words):
        look_up(url, session)
    assert not server.asked


@pytest.mark.parametrize("turn", ["http://models.example.org/a.zip", "file:///etc/passwd", URL])
def test_a_turn_to_another_kind_of_address_is_refused(server: Server, session: requests.Session, turn: str) -> None:
    server.turns[URL] = turn
    with pytest.raises(MedsegError, match=r"https|without an end"):
        look_up(URL, session)


def test_a_file_beyond_all_bounds_is_refused(server: Server, session: requests.Session) -> None:
    server.length = 10**12
    with pytest.raises(MedsegError, match="more than any model"):
        look_up(URL, session)


def test_a_server_that_gives_no_part_at_all(
    server: Server, session: requests.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = server.send

    def refuse(request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = send(request)
        response.status_code = 416
        return response

    monkeypatch.setattr(server, "send", refuse)
    with pytest.raises(MedsegError, match="gives no part"):
        fetch(URL, folder=tmp_path, session=session)


def test_room_is_looked_for_before(session: requests.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with pytest.raises(MedsegError, match="are free"):
        fetch(URL, folder=tmp_path, session=session)
