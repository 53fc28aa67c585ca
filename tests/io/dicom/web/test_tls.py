"""Certificates are verified, whatever the environment says."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import napari_medseg as ms
from napari_medseg.core.pacs import PacsServer
from napari_medseg.io.dicom import web


@pytest.fixture
def computer() -> str:
    """What the certificate is for."""
    return "IP:127.0.0.1"


@pytest.fixture
def certificate(tmp_path: Path, computer: str) -> Path:
    """A certificate that no common authority has signed; the key lies beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    file = tmp_path / "ours.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ours -addext subjectAltName={computer}"
    subprocess.run([*command.split(), "-keyout", f"{file}.key", "-out", str(file)], check=True, capture_output=True)
    return file


@pytest.fixture
def url(certificate: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}/rs"
    server.shutdown()
    server.server_close()


def test_an_unknown_certificate_is_refused(url: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with pytest.raises(ms.MedsegError, match=r"The certificate of 127.0.0.1 could not be verified"):
        web.check_server(PacsServer("Ours", url))


def test_an_own_authority_is_trusted_when_named(url: str, certificate: Path) -> None:
    web.check_server(PacsServer("Ours", url, ca_bundle=certificate))


@pytest.mark.parametrize("computer", ["DNS:archive.example", "IP:127.0.0.2"])
def test_a_certificate_for_another_computer_is_refused(url: str, certificate: Path) -> None:
    with pytest.raises(ms.MedsegError, match=r"The certificate of 127.0.0.1 could not be verified"):
        web.check_server(PacsServer("Ours", url, ca_bundle=certificate))
