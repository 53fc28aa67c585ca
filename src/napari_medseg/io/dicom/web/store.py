"""Send DICOM files to an archive (STOW-RS, PS3.18 section 10.5)."""

from __future__ import annotations

import json
import os
import secrets
from typing import TYPE_CHECKING, Any, BinaryIO

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.pacs import StoreOutcome
from napari_medseg.core.progress import report
from napari_medseg.io.dicom.sniff import has_preamble, read_head
from napari_medseg.io.dicom.web import dicom_json as dj
from napari_medseg.io.dicom.web.connection import Connection, pieces
from napari_medseg.io.dicom.web.faults import PacsError, explained, refused
from napari_medseg.io.dicom.web.session import MOST_AT_ONCE
from napari_medseg.io.dicom.web.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import requests

    from napari_medseg.core.pacs import PacsServer
    from napari_medseg.core.progress import CancelToken, ProgressCallback

_READ_AT_ONCE = 2**18
_ANSWERED = frozenset({200, 202, 409})
"""Answers that tell of each file; PS3.18 table 10.5.3-1."""

_REASONS = {
    0x0110: "it could not process the file",
    0x0122: "it does not keep files of this kind",
    0x0124: "it does not allow it",
    0xC122: "it does not keep files in this encoding",
    0xB000: "it changed some attributes",
    0xB006: "it left out some attributes",
    0xB007: "the file is not quite as its kind should be",
}
"""PS3.18 tables 10.5.3-2 and I.2-2, PS3.4 table B.2-1."""


def store_files(
    server: PacsServer,
    paths: Sequence[Path],
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    secret: str | None = None,
) -> list[StoreOutcome]:
    """Send files to an archive, one after the other.

    Parameters
    ----------
    server : PacsServer
        Where to.
    paths : sequence of pathlib.Path
        DICOM files: labels as SEG or RTSTRUCT, images.
    on_progress, cancel
        As everywhere; what has been sent stays in the archive.
    secret : str, optional
        Password or token; by default that of the keyring.

    Returns
    -------
    list of StoreOutcome
        One for each file, in their order.

    Raises
    ------
    MedsegError
        If a file is not there or not DICOM (then nothing is sent), or the archive takes none of them because it does
        not answer or does not allow it.
    Cancelled
        If the user stopped it.
    """
    for path in paths:
        _check_file(path)

    def work(on_progress: ProgressCallback, cancel: CancelToken) -> list[StoreOutcome]:
        outcomes: list[StoreOutcome] = []
        with Connection(server, secret, cancel) as connection:
            for done, path in enumerate(paths):
                report(on_progress, done, len(paths), "Sending files", cancel)

                def tell(share: str, done: int = done) -> None:
                    report(on_progress, done, len(paths), f"Sending files: {share}", cancel)

                try:
                    outcomes.append(_send(connection, path, tell))
                except PacsError as error:
                    if done == 0:
                        raise
                    return outcomes + [StoreOutcome(left, False, error.message) for left in paths[done:]]
        report(on_progress, len(paths), len(paths), "Sending files", cancel)
        return outcomes

    return wait_for(work, on_progress, cancel)


class _Body:
    """One file as multipart/related, read while it is sent, of a length that is known before."""

    def __init__(self, file: BinaryIO, size: int, boundary: str, tell: Callable[[str], None]) -> None:
        self._head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        self._size = size
        self._tell = tell

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        left = self._size
        while left > 0:
            piece = self._file.read(min(left, _READ_AT_ONCE))
            if not piece:
                raise MedsegError("The file was cut short while it was sent.", "Save it again.")
            left -= len(piece)
            self._tell(f"{(self._size - left) / 1e6:,.0f} of {self._size / 1e6:,.0f} MB")
            yield piece
        yield self._tail


def _send(connection: Connection, path: Path, tell: Callable[[str], None]) -> StoreOutcome:
    server, session = connection.server, connection.session
    session.limit = MOST_AT_ONCE
    boundary = secrets.token_hex(20)
    headers = {
        "Accept": "application/dicom+json",
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
    }
    with explained(server), path.open("rb") as file:
        body: Any = _Body(file, os.fstat(file.fileno()).st_size, boundary, tell)
        with session.post(
            connection.store_url(), data=body, headers=headers, stream=True, timeout=server.timeout_s
        ) as response:
            if response.status_code not in _ANSWERED:
                return _refusal(server, path, response.status_code)
            return _outcome(path, response)


def _refusal(server: PacsServer, path: Path, status: int) -> StoreOutcome:
    """Return what the answer means for this file alone; raise if it means all of them."""
    if status in (400, 413, 415, 422):
        return StoreOutcome(path, False, f"{server.name} does not take this file (status {status}).")
    raise refused(server, status)


def _outcome(path: Path, response: requests.Response) -> StoreOutcome:
    text = b"".join(pieces(response))
    try:
        answer = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        answer = {}  # XML of older servers: the status has to do
    record = answer[0] if isinstance(answer, list) and answer else answer
    record = record if isinstance(record, dict) else {}
    for item in dj.items(record, dj.FAILED_INSTANCES):
        return StoreOutcome(path, False, _sentence("The archive refused it", dj.integer(item, dj.FAILURE_REASON)))
    if response.status_code == 409:
        return StoreOutcome(path, False, "The archive refused it.")
    for item in dj.items(record, dj.STORED_INSTANCES):
        warning = dj.integer(item, dj.WARNING_REASON)
        return StoreOutcome(path, True, _sentence("The archive keeps it", warning) if warning else "")
    is_told = response.status_code == 200
    return StoreOutcome(path, is_told, "" if is_told else "The archive does not tell whether it keeps it.")


def _sentence(start: str, reason: int | None) -> str:
    if reason is None:
        return f"{start}."
    if 0xA700 <= reason <= 0xA7FF:
        why = "it has no room"
    elif 0xA900 <= reason <= 0xA9FF:
        why = "the file is not as its kind must be"
    elif 0xC000 <= reason <= 0xCFFF and reason not in _REASONS:
        why = "it cannot understand the file"
    else:
        why = _REASONS.get(reason, "the reason is not a common one")
    return f"{start}: {why} (code {reason:04X})."


def _check_file(path: Path) -> None:
    try:
        is_dicom = has_preamble(read_head(path))
    except OSError as error:
        raise MedsegError(f"{path.name} cannot be read ({error.strerror}).", "Check the path.") from error
    if not is_dicom:
        raise MedsegError(f"{path.name} is not a DICOM file.", "Save labels as .dcm to send them.")
