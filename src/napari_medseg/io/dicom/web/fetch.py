"""Bring a series from an archive to this computer (WADO-RS, PS3.18 section 10.4), and go on where it stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.pacs import RemoteSeries
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io.dicom.web.cache import instance_name, series_folder, tidy_cache
from napari_medseg.io.dicom.web.connection import Connection
from napari_medseg.io.dicom.web.faults import PacsError
from napari_medseg.io.dicom.web.receive import Receiver
from napari_medseg.io.dicom.web.search import list_instances
from napari_medseg.io.dicom.web.waiting import wait_for

if TYPE_CHECKING:
    from napari_medseg.core.pacs import PacsServer
    from napari_medseg.core.study import Study

PAUSES_S = (0.5, 2.0)
"""Before the second and the third attempt at an image."""
_LOOK_S = 0.05


def fetch_series(
    server: PacsServer,
    series: RemoteSeries,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    folder: Path | None = None,
    secret: str | None = None,
) -> Path:
    """Bring the files of a series here, as they are stored in the archive.

    Files that are here already are not asked for again, so what was stopped goes on where it ended.

    Parameters
    ----------
    server : PacsServer
        Where.
    series : RemoteSeries
        Which, as `find_series` returned it.
    on_progress, cancel
        As everywhere; a silent server does not delay the stop.
    folder : pathlib.Path, optional
        Where to, made if needed; by default the private cache.
    secret : str, optional
        Password or token; by default that of the keyring.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    MedsegError
        If the archive does not give the images, or they do not fit on the disk; what has arrived is kept.
    Cancelled
        If the user stopped it; what has arrived is kept.
    """
    if folder is None:
        tidy_cache()
    place = series_folder(server, series) if folder is None else _made(folder)

    def work(on_progress: ProgressCallback, cancel: CancelToken) -> None:
        with Connection(server, secret, cancel) as connection:
            _Fetch(connection, series, place, on_progress, cancel).run(is_cache=folder is None)

    wait_for(work, on_progress, cancel)
    return place


def open_remote_series(
    server: PacsServer,
    series: RemoteSeries,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    secret: str | None = None,
) -> Study:
    """Bring a series here and list what is in it, as `open_study` does; parameters and errors as `fetch_series`."""
    from napari_medseg.io.door import open_study

    return open_study(fetch_series(server, series, on_progress, cancel, secret=secret), on_progress, cancel)


@dataclass
class _Fetch:
    connection: Connection
    series: RemoteSeries
    folder: Path
    on_progress: ProgressCallback
    cancel: CancelToken

    def run(self, *, is_cache: bool) -> None:
        receiver = Receiver(self.connection.server, self.folder, self.series.uid, self._tell)
        self._total = self.series.n_images or 0
        self._tell(0, 0)
        listed = list_instances(self.connection, self.series)
        if listed is None:
            self._receive_all(receiver)
            return
        names = {instance_name(uid): uid for uid in listed}
        self._total = len(names)
        if is_cache:
            self._remove_others(names)
        missing = self._missing(names)
        self._here = len(names) - len(missing)
        if len(missing) == len(names) > 1:
            try:
                self._receive_all(receiver)
            except PacsError as error:
                if not _is_worth_single_requests(error):
                    raise
            self._here, receiver.n_files = 0, 0
            missing = self._missing(names)
            self._here = len(names) - len(missing)
        for uid in missing.values():
            self._receive_one(receiver, uid)
        self._check(self._missing(names), receiver)

    _here = 0
    _total = 0

    def _tell(self, n_files: int, n_bytes: int) -> None:
        done = self._here + n_files
        report(self.on_progress, done, max(self._total, done), f"Fetching images: {n_bytes / 1e6:,.0f} MB", self.cancel)

    def _missing(self, names: dict[str, str]) -> dict[str, str]:
        return {name: uid for name, uid in names.items() if not _is_whole(self.folder / name)}

    def _remove_others(self, names: dict[str, str]) -> None:
        """Remove what the archive no longer has, and remains of an earlier end."""
        for file in self.folder.iterdir():
            if file.name not in names and (file.suffix == ".dcm" or Receiver.is_remains(file)):
                file.unlink(missing_ok=True)

    def _receive_all(self, receiver: Receiver) -> None:
        url = self.connection.retrieve_url("studies", self.series.study_uid, "series", self.series.uid)
        with self.connection.stream_images(url, receiver.room()) as response:
            receiver.receive(response)
        if receiver.n_files == 0:
            raise receiver.nothing()

    def _receive_one(self, receiver: Receiver, uid: str) -> None:
        url = self.connection.retrieve_url(
            "studies", self.series.study_uid, "series", self.series.uid, "instances", uid
        )
        for pause_s in (*PAUSES_S, None):
            try:
                with self.connection.stream_images(url, receiver.room()) as response:
                    receiver.receive(response)
            except PacsError as error:
                if not error.is_passing or pause_s is None:
                    raise
                self._wait(pause_s)
            else:
                return

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.cancel.raise_if_cancelled()
            time.sleep(min(left, _LOOK_S))

    def _check(self, missing: dict[str, str], receiver: Receiver) -> None:
        if missing:
            name = self.connection.server.name
            raise PacsError(
                f"{name} did not give {len(missing)} of {self._total} images of the series.",
                receiver.complaint or "Try again, or ask who runs it.",
            )


def _is_whole(file: Path) -> bool:
    """Whether a file has arrived; one of no bytes is what a power cut leaves."""
    try:
        return file.stat().st_size > 0
    except OSError:
        return False


def _is_worth_single_requests(error: PacsError) -> bool:
    """Whether image by image may work where the whole series did not."""
    return error.is_passing or error.status in (0, 400, 404, 405, 406, 413, 500, 501)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MedsegError(f"The folder {folder.name} cannot be made ({error.strerror}).", "Choose another.") from error
    return folder
