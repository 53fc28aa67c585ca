"""The command against a small archive; the real one is in tests/io/dicom/web."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from napari_medseg.io.dicom.web import servers

Run = Callable[..., tuple[int, str, str]]
STUDIES = [
    {"0020000D": "1.2.3", "00100010": "Doe^Jane", "00100020": "4711", "00080020": "20260302", "00081030": "Thorax"}
]
SERIES = [{"0020000E": "1.2.3.4", "00080060": "CT", "00200011": 2, "00201209": 1}]


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def url(asked: list[str], sample_data: Path) -> Iterator[str]:
    image = (sample_data / "chest_ct" / "001.dcm").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            path = self.path.partition("?")[0]
            if path.endswith("/1.2.3.4"):
                self.answer(b"--b\r\n\r\n" + image + b"\r\n--b--", 'multipart/related; boundary="b"')
            elif path.endswith("/studies") or path.endswith("/series"):
                found: list[dict[str, Any]] = STUDIES if path.endswith("/studies") else SERIES
                records = [{tag: {"Value": [value]} for tag, value in one.items()} for one in found]
                self.answer(json.dumps(records).encode(), "application/dicom+json")
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(b"", "application/dicom+json")

        def answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/rs"
    server.shutdown()
    server.server_close()


@pytest.fixture
def ours(run: Run, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(servers, "settings_file", lambda: tmp_path / "pacs.json")
    assert run("pacs", "add", "Ours", url) == (0, "", "")
    return "Ours"


def test_servers(run: Run, ours: str, url: str) -> None:
    assert run("pacs", "list") == (0, f"Ours: {url} (none)\n", "")
    assert run("pacs", "check", ours) == (0, "Ours answers\n", "")
    assert run("pacs", "remove", ours)[0] == 0
    status, _, err = run("pacs", "check", ours)
    assert status == 1 and "No server is called Ours" in err


def test_an_unencrypted_server_is_warned_of(run: Run, ours: str) -> None:
    _, _, err = run("pacs", "add", "Other", "http://pacs.example.org/rs", "--user", "reader")
    assert "unencrypted" in err


def test_a_search_tells_no_identity_unless_asked(run: Run, ours: str, asked: list[str]) -> None:
    status, out, err = run("pacs", "search", ours, "--name", "Doe", "--from", "2026-03-01", "--description", "thor")
    assert (status, err) == (0, "")
    assert out == "2026-03-02  Thorax  1.2.3\n"
    assert "PatientName=Doe*" in asked[-1] and "StudyDate=20260301-&" in asked[-1] + "&"
    assert "Doe^Jane  4711" in run("pacs", "search", ours, "--identity")[1]
    record = json.loads(run("pacs", "search", ours, "--json")[1])
    assert record["studies"][0]["uid"] == "1.2.3" and "patient_name" not in record["studies"][0]
    assert run("pacs", "search", ours, "--from", "yesterday")[0] == 2


def test_series(run: Run, ours: str) -> None:
    assert run("pacs", "series", ours, "1.2.3") == (0, "2  CT  1 image  1.2.3.4\n", "")


def test_a_foreign_image_is_not_taken(run: Run, ours: str, tmp_path: Path) -> None:
    status, _, err = run("pacs", "get", ours, "1.2.3", "--output", tmp_path / "out")
    assert status == 1 and "gave no images of the series. It sent an image of another series" in err


def test_files_are_sent(run: Run, ours: str, sample_data: Path, tmp_path: Path) -> None:
    image = sample_data / "chest_ct" / "001.dcm"
    assert run("pacs", "send", ours, image) == (0, f"sent {image}\n", "")
    status, _, err = run("pacs", "send", ours, tmp_path / "none.dcm")
    assert status == 1 and "none.dcm cannot be read" in err


def test_a_login_that_nobody_asks_for(run: Run, ours: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    status, _, err = run("pacs", "login", ours)
    assert status == 1 and "Ours asks for no login" in err
