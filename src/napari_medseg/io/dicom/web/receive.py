"""Write the images of an answer to files, each whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom import attributes
from napari_medseg.io.dicom.file_header import UNREADABLE, read_elements
from napari_medseg.io.dicom.sniff import looks_like_dicom, read_head
from napari_medseg.io.dicom.web.cache import instance_name
from napari_medseg.io.dicom.web.connection import content_type, pieces
from napari_medseg.io.dicom.web.faults import PacsError, cut_off, disk_full, not_dicomweb
from napari_medseg.io.dicom.web.multipart import CutOffError, Multipart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import requests

    from napari_medseg.core.pacs import PacsServer

MOST_BYTES = 64 * 2**30
_SPARE_BYTES = 256 * 2**20
"""Left free on the disk, whatever comes."""
_PREFIX = ".arriving-"


class Receiver:
    """Takes answers of an archive apart.

    Parameters
    ----------
    server : PacsServer
        Where they come from.
    folder : pathlib.Path
        Where the images go, under names that tell nothing.
    series_uid : str
        What they must belong to.
    on_piece : callable
        Called as ``on_piece(n_files, n_bytes)`` at every piece.

    Attributes
    ----------
    n_files, n_bytes : int
        What has arrived.
    complaint : str
        What was wrong with a part that was thrown away.
    """

    def __init__(self, server: PacsServer, folder: Path, series_uid: str, on_piece: Callable[[int, int], None]) -> None:
        self._server = server
        self._folder = folder
        self._series_uid = series_uid
        self._on_piece = on_piece
        self.n_files = 0
        self.n_bytes = 0
        self.complaint = ""

    @staticmethod
    def is_remains(file: Path) -> bool:
        """Whether a file is what a killed process left."""
        return file.name.startswith(_PREFIX)

    def room(self) -> int:
        """Return how many bytes may come.

        Raises
        ------
        PacsError
            If the disk is full.
        """
        free = shutil.disk_usage(self._folder).free - _SPARE_BYTES
        if free <= 0:
            raise disk_full(self._server)
        return min(free, MOST_BYTES)

    def receive(self, response: requests.Response) -> None:
        """Write the images of one answer.

        Raises
        ------
        PacsError
            If the answer ends early or is none; images before that are kept.
        Cancelled
            If the user stopped it.
        """
        kind, boundary = content_type(response)
        if kind == "multipart/related" and boundary:
            self._receive_parts(Multipart(pieces(response), boundary))
        elif kind == "application/dicom":  # against the standard, yet done
            self._write(pieces(response))
        else:
            raise not_dicomweb(self._server)

    def nothing(self) -> PacsError:
        """Return the error for an answer without images."""
        return PacsError(f"{self._server.name} gave no images of the series.", self.complaint or "Search again.")

    def _receive_parts(self, parts: Multipart) -> None:
        try:
            while parts.next_part():
                self._write(parts.content())
        except CutOffError:
            raise cut_off(self._server) from None
        except ValueError:
            raise not_dicomweb(self._server) from None

    def _write(self, content: Iterator[bytes]) -> None:
        arriving = self._folder / f"{_PREFIX}{secrets.token_hex(8)}"
        try:
            with arriving.open("xb") as file:
                for piece in content:
                    file.write(piece)
                    self.n_bytes += len(piece)
                    self._on_piece(self.n_files, self.n_bytes)
            uid = self._identity(arriving)
            if uid:
                os.replace(arriving, self._folder / instance_name(uid))
                self.n_files += 1
                self._on_piece(self.n_files, self.n_bytes)
        finally:
            with suppress(OSError):
                arriving.unlink(missing_ok=True)

    def _identity(self, file: Path) -> str:
        """Return the SOPInstanceUID of a file that belongs to the series; empty for any other."""
        try:
            head = read_head(file)
            header = read_elements(file, head) if looks_like_dicom(head) else None
        except (MedsegError, *UNREADABLE):
            header = None
        if header is None:
            self.complaint = "It sent something that is no DICOM file."
        elif header.text(attributes.SERIES_INSTANCE_UID) != self._series_uid:
            self.complaint = "It sent an image of another series."
        else:
            return header.text(attributes.SOP_INSTANCE_UID)
        return ""
