"""One conversation with an archive: what is asked through dicomweb-client, and answers that flow past memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dicomweb_client import DICOMwebClient

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom.web.credentials import read_secret
from napari_medseg.io.dicom.web.faults import PacsError, explained, not_dicomweb
from napari_medseg.io.dicom.web.log_privacy import keep_queries_out_of_logs
from napari_medseg.io.dicom.web.session import MOST_AT_ONCE, PacsSession

if TYPE_CHECKING:
    from types import TracebackType

    import requests

    from napari_medseg.core.pacs import PacsServer
    from napari_medseg.core.progress import CancelToken

Record = Mapping[str, Any]
"""A data set in DICOM JSON (PS3.18 annex F)."""

AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_AS_THE_SERVER_LIKES = 'multipart/related; type="application/dicom"'
_NOT_ACCEPTABLE = frozenset({400, 406, 415})
_ONE_PIECE = 2**18


class Connection:
    """Asks one archive; a context manager, used by one thread at a time.

    Parameters
    ----------
    server : PacsServer
        The archive.
    secret : str, optional
        Password or token; by default that of the keyring.
    cancel : CancelToken, optional
        Asked at every piece of an answer.

    Raises
    ------
    MedsegError
        If the login or the file of certificates is missing.
    """

    def __init__(self, server: PacsServer, secret: str | None = None, cancel: CancelToken | None = None) -> None:
        keep_queries_out_of_logs()
        if secret is None and server.authentication != "none":
            secret = read_secret(server)
        self.server = server
        self.session = PacsSession(server, secret)
        self.session.cancel = cancel
        try:
            self.client = DICOMwebClient(
                server.url,
                session=self.session,
                qido_url_prefix=server.qido or None,
                wado_url_prefix=server.wado or None,
                stow_url_prefix=server.stow or None,
                permissive_uid=True,
                timeout=server.timeout_s,
            )
        except ValueError:
            raise MedsegError(f"The URL of {server.name} is not valid.", "Correct it in the settings.") from None
        self.client.set_http_retry_params(retry=False)
        self._image_types = AS_STORED

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()

    @property
    def has_more(self) -> bool:
        """Whether the server told with its last answer that there are more results."""
        return any(word in self.session.warning.lower() for word in ("additional", "remaining", "more results"))

    def records(self, ask: Callable[[], object]) -> list[Record]:
        """Return the data sets of an answer to a search.

        Raises
        ------
        PacsError
            If the archive does not answer, refuses, or answers in another language.
        """
        self.session.limit = MOST_AT_ONCE
        with explained(self.server):
            try:
                found = ask()
            except ValueError as error:
                if isinstance(error, OSError):  # of requests
                    raise
                raise not_dicomweb(self.server) from None
        if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
            raise not_dicomweb(self.server)
        return found

    @contextmanager
    def stream(
        self, url: str, accept: str, *, limit: int = MOST_AT_ONCE, params: Mapping[str, str] | None = None
    ) -> Iterator[requests.Response]:
        """Ask for a resource, of which the body is read by the caller; raises as `records`."""
        self.session.limit = limit
        with (
            explained(self.server),
            self.session.get(
                url, headers={"Accept": accept}, params=params, stream=True, timeout=self.server.timeout_s
            ) as response,
        ):
            response.raise_for_status()
            yield response

    @contextmanager
    def stream_images(self, url: str, limit: int) -> Iterator[requests.Response]:
        """Ask for DICOM files as they are stored, or, where a server knows no such wish, as it likes."""
        try:
            with self.stream(url, self._image_types, limit=limit) as response:
                yield response
                return
        except PacsError as error:
            if error.status not in _NOT_ACCEPTABLE or self._image_types != AS_STORED:
                raise
        self._image_types = _AS_THE_SERVER_LIKES
        with self.stream(url, self._image_types, limit=limit) as response:
            yield response

    def retrieve_url(self, *parts: str) -> str:
        """Return the URL of a resource, such as ``("studies", uid)``."""
        return _joined(self.server.url, self.server.wado, *parts)

    def store_url(self) -> str:
        """Return the URL that files are sent to."""
        return _joined(self.server.url, self.server.stow, "studies")


def _joined(url: str, prefix: str, *parts: str) -> str:
    return "/".join([url, *([prefix] if prefix else []), *(quote(part, safe="") for part in parts)])


def content_type(response: requests.Response) -> tuple[str, bytes]:
    """Return the media type of an answer, and the boundary between its parts (empty if it has none)."""
    message = Message()
    message["Content-Type"] = response.headers.get("Content-Type", "")
    boundary = message.get_boundary("")
    return message.get_content_type(), boundary.encode("latin-1", "replace")


def pieces(response: requests.Response) -> Iterator[bytes]:
    """Return the body of an answer piece by piece."""
    found: Iterator[bytes] = response.iter_content(_ONE_PIECE)
    return found
