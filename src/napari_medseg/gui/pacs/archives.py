"""What the panels ask of archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from napari_medseg.core import CancelToken, ProgressCallback, Study
    from napari_medseg.core.pacs import PacsServer, RemoteSeries, StoreOutcome, StudyPage, StudyQuery


class Archives(Protocol):
    """The module `napari_medseg.io.dicom.web`, or what a test puts in its place. Slow: for threads only."""

    def read_servers(self) -> list[PacsServer]:
        """Return the servers that are known."""

    def keep_server(self, server: PacsServer) -> None:
        """Add or replace a server."""

    def remove_server(self, name: str) -> PacsServer:
        """Forget a server."""

    def read_secret(self, server: PacsServer) -> str | None:
        """Return the password or token that the keyring keeps."""

    def keep_secret(self, server: PacsServer, secret: str) -> None:
        """Put it there."""

    def forget_secret(self, server: PacsServer) -> None:
        """Remove it from there."""

    def check_server(self, server: PacsServer, cancel: CancelToken | None = None, *, secret: str | None = None) -> None:
        """Raise if it does not answer."""

    def find_studies(
        self,
        server: PacsServer,
        query: StudyQuery,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> StudyPage:
        """Look for studies."""

    def find_series(
        self,
        server: PacsServer,
        study_uid: str,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> list[RemoteSeries]:
        """Return the series of a study."""

    def fetch_thumbnail(
        self,
        server: PacsServer,
        series: RemoteSeries,
        size: int = 96,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> npt.NDArray[np.uint8] | None:
        """Return a picture of a series, shape (rows, columns)."""

    def open_remote_series(
        self,
        server: PacsServer,
        series: RemoteSeries,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> Study:
        """Bring a series here and list it."""

    def store_files(
        self,
        server: PacsServer,
        paths: Sequence[Path],
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        *,
        secret: str | None = None,
    ) -> list[StoreOutcome]:
        """Send files."""


def real_archives() -> Archives:
    """Return the archives of the network."""
    from napari_medseg.io.dicom import web

    return web
