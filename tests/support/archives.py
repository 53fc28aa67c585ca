"""Archives to talk to: a real Orthanc on the loopback, and a keyring that forgets."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from napari_medseg.core.pacs import PacsServer

_PLUGINS = (Path("/usr/share/orthanc/plugins"), Path("/usr/local/share/orthanc/plugins"))
_STARTS_WITHIN_S = 60
USER, PASSWORD = "reader", "pass word-ü"


class MemoryKeyring(KeyringBackend):
    """A keyring that forgets with the test."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise PasswordDeleteError
        del self.entries[service, username]


def orthanc_is_installed() -> bool:
    """Whether there is an Orthanc with its DICOMweb plugin."""
    return shutil.which("Orthanc") is not None and _plugin() is not None


@contextmanager
def running_orthanc(folder: Path, name: str = "Test archive") -> Iterator[PacsServer]:
    """Run an Orthanc with a configuration, port and storage of its own; it asks for a password."""
    port = _free_port()
    configuration = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(_plugin())],
        "HttpPort": port,
        "HttpBindAddresses": ["127.0.0.1"],
        "RemoteAccessAllowed": False,
        "DicomServerEnabled": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder)
    try:
        _wait_until_up(process, port, folder / "log")
        yield PacsServer(name, f"http://127.0.0.1:{port}/dicom-web", authentication="basic", user=USER, timeout_s=60)
    finally:
        process.terminate()
        process.wait(timeout=60)


def _plugin() -> Path | None:
    return next((path for folder in _PLUGINS for path in folder.glob("libOrthancDicomWeb.so*")), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"Orthanc ended: {log.read_text(errors='replace')[-2000:]}")
        try:
            opener.open(f"http://127.0.0.1:{port}/system", timeout=5)
        except urllib.error.HTTPError:
            return  # it asks for the password
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"Orthanc does not answer: {log.read_text(errors='replace')[-2000:]}")
