"""The web layer without a network: what it answers, and what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_medseg.core import CancelToken, MedsegError, ProgressCallback, Study
from napari_medseg.core.pacs import PacsServer, RemoteSeries, RemoteStudy, StoreOutcome, StudyPage, StudyQuery
from napari_medseg.io.dicom.web.faults import PacsError, refused


class FakeArchives:
    """Servers, logins and studies in memory; `gate` holds every answer until the test lets it go."""

    def __init__(self, *servers: PacsServer) -> None:
        self.servers = list(servers)
        self.keyring: dict[str, str] = {}
        self.has_keyring = True
        self.passwords: dict[str, str] = {}
        self.studies: list[RemoteStudy] = []
        self.series: dict[str, list[RemoteSeries]] = {}
        self.opened: Callable[[RemoteSeries], Study] = lambda series: Study(Path("/cache") / series.uid, [])
        self.fault: MedsegError | None = None
        self.page = 100
        self.asked: list[tuple[str, Any]] = []
        self.threads: set[threading.Thread] = set()
        self.gate = threading.Event()
        self.gate.set()
        self.refuses: set[str] = set()
        self.sent: list[bytes] = []

    def read_servers(self) -> list[PacsServer]:
        return list(self.servers)

    def keep_server(self, server: PacsServer) -> None:
        self.servers = [one for one in self.servers if one.name != server.name] + [server]

    def remove_server(self, name: str) -> PacsServer:
        gone = next(one for one in self.servers if one.name == name)
        self.servers.remove(gone)
        return gone

    def read_secret(self, server: PacsServer) -> str | None:
        self._need_keyring()
        return self.keyring.get(f"{server.url} {server.user}")

    def keep_secret(self, server: PacsServer, secret: str) -> None:
        self._need_keyring()
        self.keyring[f"{server.url} {server.user}"] = secret

    def forget_secret(self, server: PacsServer) -> None:
        self._need_keyring()
        self.keyring.pop(f"{server.url} {server.user}", None)

    def check_server(self, server: PacsServer, cancel: CancelToken | None = None, *, secret: str | None = None) -> None:
        self._answer("check", server, server, None, cancel, secret)

    def find_studies(
        self,
        server: PacsServer,
        query: StudyQuery,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> StudyPage:
        self._answer("studies", server, query, on_progress, cancel, secret)
        found = [one for one in self.studies if query.patient_name.lower() in one.patient_name.lower()]
        end = query.offset + self.page
        return StudyPage(tuple(found[query.offset : end]), end if end < len(found) else None)

    def find_series(
        self,
        server: PacsServer,
        study_uid: str,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> list[RemoteSeries]:
        self._answer("series", server, study_uid, on_progress, cancel, secret)
        return self.series.get(study_uid, [])

    def fetch_thumbnail(
        self,
        server: PacsServer,
        series: RemoteSeries,
        size: int = 96,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> np.ndarray | None:
        self._answer("thumbnail", server, series.uid, None, cancel, secret)
        return np.full((size, size // 2), 120, np.uint8)

    def open_remote_series(
        self,
        server: PacsServer,
        series: RemoteSeries,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> Study:
        self._answer("fetch", server, series.uid, on_progress, cancel, secret)
        return self.opened(series)

    def store_files(
        self,
        server: PacsServer,
        paths: Sequence[Path],
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> list[StoreOutcome]:
        self.sent += [path.read_bytes() for path in paths]
        self._answer("store", server, [path.name for path in paths], on_progress, cancel, secret)
        reasons = {True: "The archive refused it.", False: ""}
        return [StoreOutcome(p, p.name not in self.refuses, reasons[p.name in self.refuses]) for p in paths]

    def _need_keyring(self) -> None:
        if not self.has_keyring:
            raise MedsegError("This system has no keyring to keep the login in.", "Enter it each time.")

    def _answer(
        self,
        what: str,
        server: PacsServer,
        about: Any,
        on_progress: ProgressCallback | None,
        cancel: CancelToken | None,
        secret: str | None,
    ) -> None:
        self.asked.append((what, about))
        self.threads.add(threading.current_thread())
        if on_progress is not None:
            on_progress(0, 4, "Fetching images: 12 MB")
        while not self.gate.wait(timeout=0.01):
            if cancel is not None:
                cancel.raise_if_cancelled()
        if self.fault is not None:
            raise self.fault
        wanted = self.passwords.get(server.name)
        if wanted is not None and secret != wanted:
            raise refused(server, 401)
        if on_progress is not None:
            on_progress(4, 4, "Fetching images: 48 MB")


def made_up_studies(archives: FakeArchives) -> None:
    """Fill an archive with patients that nobody is."""
    archives.studies = [
        RemoteStudy("1.1", "Doe^Jane", "SAMPLE-1", "2026-03-02", "Thorax nativ", ("CT", "SEG"), 3, 482),
        RemoteStudy("1.2", "Doe^Jane", "SAMPLE-1", "2025-11-20", "Schädel", ("MR",), 5, 1240),
        RemoteStudy(
            "1.3",
            "Wolfeschlegelsteinhausenbergerdorff^Hubert Blaine",
            "SAMPLE-0000-4711-XYZ",
            "2026-01-15",
            "Abdomen and pelvis with intravenous contrast, portal venous phase, follow-up after 3 months",
            ("CT", "PT", "SR"),
            12,
            4810,
        ),
    ]
    archives.series["1.1"] = [
        RemoteSeries("1.1.1", "1.1", 2, "CT", "Lung 1.0", 400),
        RemoteSeries("1.1.2", "1.1", 3, "CT", "Soft tissue 5.0 with a rather long description by the scanner", 80),
        RemoteSeries("1.1.3", "1.1", None, "SEG", "", 2),
    ]
    archives.series["1.2"] = [replace(one, uid=f"9{one.uid}", study_uid="1.2") for one in archives.series["1.1"]]


__all__ = ["FakeArchives", "PacsError", "made_up_studies"]
