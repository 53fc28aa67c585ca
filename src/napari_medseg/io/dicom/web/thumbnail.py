"""A small picture of a series, before it is brought here."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.io.dicom.web.connection import Connection, pieces
from napari_medseg.io.dicom.web.faults import PacsError
from napari_medseg.io.dicom.web.receive import Receiver
from napari_medseg.io.dicom.web.search import list_instances
from napari_medseg.io.dicom.web.waiting import wait_for

if TYPE_CHECKING:
    from napari_medseg.core.pacs import PacsServer, RemoteSeries
    from napari_medseg.core.progress import CancelToken, ProgressCallback

_PICTURES = "image/jpeg, image/png;q=0.9"
_MOST_PICTURE_BYTES = 16 * 2**20
_MOST_PICTURE_PIXELS = 64 * 2**20
_MOST_IMAGE_BYTES = 32 * 2**20
"""A larger image is not brought here for a thumbnail alone."""
_WITHOUT_PICTURE = frozenset({"SEG", "RTSTRUCT", "RTPLAN", "RTRECORD", "SR", "KO", "PR", "REG", "FID", "DOC", "ECG"})


def fetch_thumbnail(
    server: PacsServer,
    series: RemoteSeries,
    size: int = 96,
    cancel: CancelToken | None = None,
    *,
    secret: str | None = None,
) -> npt.NDArray[np.uint8] | None:
    """Return a picture of a series.

    Servers are asked for a thumbnail, then for the middle image as a picture, then for that image itself.

    Parameters
    ----------
    server : PacsServer
        Where.
    series : RemoteSeries
        Which.
    size : int
        Longer side in pixels.
    cancel : CancelToken, optional
        Stops at once.
    secret : str, optional
        Password or token; by default that of the keyring.

    Returns
    -------
    ndarray of uint8, shape (rows, columns), or None
        None if there is none to be had.

    Raises
    ------
    MedsegError
        If the archive does not answer, or refuses the login.
    Cancelled
        If the user stopped it.
    """
    if series.modality in _WITHOUT_PICTURE:
        return None

    def work(on_progress: ProgressCallback, cancel: CancelToken) -> npt.NDArray[np.uint8] | None:
        report(on_progress, 0, 1, "Fetching a picture", cancel)
        with Connection(server, secret, cancel) as connection:
            return _thumbnail(connection, series, size)

    return wait_for(work, None, cancel)


def _thumbnail(connection: Connection, series: RemoteSeries, size: int) -> npt.NDArray[np.uint8] | None:
    place = ("studies", series.study_uid, "series", series.uid)
    wish = {"viewport": f"{size},{size}"}
    picture = _picture(connection, connection.retrieve_url(*place, "thumbnail"), size, wish)
    if picture is not None:
        return picture
    listed = list_instances(connection, series)
    if not listed:
        return None
    url = connection.retrieve_url(*place, "instances", listed[len(listed) // 2])
    picture = _picture(connection, f"{url}/rendered", size, None)
    return picture if picture is not None else _of_image(connection, url, series, size)


def _picture(
    connection: Connection, url: str, size: int, params: dict[str, str] | None
) -> npt.NDArray[np.uint8] | None:
    """Return what a server drew; None if it does not draw."""
    try:
        with connection.stream(url, _PICTURES, limit=_MOST_PICTURE_BYTES, params=params) as response:
            return _decoded(b"".join(pieces(response)), size)
    except PacsError as error:
        if error.status in (0, 401, 407):
            raise
        return None


def _decoded(data: bytes, size: int) -> npt.NDArray[np.uint8] | None:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > _MOST_PICTURE_PIXELS:
                return None
            grey = picture.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # no picture: an error page, mostly
        return None
    grey.thumbnail((size, size))
    return np.asarray(grey, dtype=np.uint8)


def _of_image(connection: Connection, url: str, series: RemoteSeries, size: int) -> npt.NDArray[np.uint8] | None:
    """Return the thumbnail of one image that is brought here for it."""
    from napari_medseg.io.dicom.scan import find_dicom_series

    with tempfile.TemporaryDirectory(prefix="napari-medseg-") as folder:
        receiver = Receiver(connection.server, Path(folder), series.uid, lambda *_: None)
        try:
            with connection.stream_images(url, min(receiver.room(), _MOST_IMAGE_BYTES)) as response:
                receiver.receive(response)
            found, _ = find_dicom_series(folder)
            return found[0].thumbnail(size) if found else None
        except MedsegError:
            return None
