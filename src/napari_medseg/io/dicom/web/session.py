"""HTTP as we want it: certificates always verified, answers bounded, no way down to an unencrypted address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom.web.faults import downgraded, too_long

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.core.pacs import PacsServer
    from napari_medseg.core.progress import CancelToken

MOST_AT_ONCE = 64 * 2**20
"""Bytes of an answer that is read into memory: lists, pictures."""


class BearerToken(AuthBase):
    """Sends a token (RFC 6750)."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token to a request."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class PacsSession(requests.Session):
    """A session with one archive; used by one thread at a time.

    Parameters
    ----------
    server : PacsServer
        The archive.
    secret : str or None
        Password or token.

    Attributes
    ----------
    limit : int
        Most bytes of an answer, unpacked.
    cancel : CancelToken or None
        Asked at every piece of an answer.
    warning : str
        Of the last answer: servers tell there that results are missing (PS3.18 section 8.3.4.4).

    Raises
    ------
    MedsegError
        If the file of certificates is missing, or the secret is.
    """

    def __init__(self, server: PacsServer, secret: str | None = None) -> None:
        super().__init__()
        self.server = server
        self.limit = MOST_AT_ONCE
        self.cancel: CancelToken | None = None
        self.warning = ""
        # Not the environment's word on certificates and logins (.netrc), only its proxies.
        self.trust_env = False
        self.proxies.update({} if server.is_loopback else requests.utils.get_environ_proxies(server.url))
        self.verify = _certificates(server)
        self.auth = _login(server, secret)
        self.max_redirects = 5
        for scheme in ("https://", "http://"):
            self.mount(scheme, _BoundedAdapter(self))

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request; raises as requests does."""
        request.headers.pop("Host", None)  # dicomweb-client sets one without the port
        request.url = _with_plain_wildcards(str(request.url))
        response = super().send(request, **kwargs)
        self.warning = response.headers.get("Warning", "")
        return response

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where an answer points to; never from an encrypted to an unencrypted place."""
        target = super().get_redirect_target(resp)
        if target and urlsplit(str(resp.url)).scheme == "https" and urlsplit(target).scheme == "http":
            raise downgraded(self.server)
        return target


class _BoundedAdapter(HTTPAdapter):
    """Gives answers that stop at the limit of their session, and when the user stops."""

    def __init__(self, session: PacsSession) -> None:
        super().__init__(max_retries=0)
        self._session = session

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = super().build_response(req, resp)
        response.raw = _BoundedBody(resp, self._session)
        return response


class _BoundedBody:
    """The body of an answer, counted while it is read."""

    def __init__(self, raw: Any, session: PacsSession) -> None:
        self._raw = raw
        self._session = session

    def stream(self, amt: int = 2**16, decode_content: bool | None = None) -> Iterator[bytes]:
        session, n_read = self._session, 0
        for piece in self._raw.stream(amt, decode_content=decode_content):
            n_read += len(piece)
            if n_read > session.limit:
                raise too_long(session.server, session.limit)
            if session.cancel is not None:
                session.cancel.raise_if_cancelled()
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def _with_plain_wildcards(url: str) -> str:
    """Leave * and ? of a query as they are, which RFC 3986 allows: Orthanc takes them for letters otherwise."""
    path, mark, query = url.partition("?")
    return path + mark + query.replace("%2A", "*").replace("%3F", "?")


def _certificates(server: PacsServer) -> bool | str:
    if server.ca_bundle is None:
        return True
    file = server.ca_bundle.expanduser()
    if not file.is_file():
        raise MedsegError(
            f"The certificate file {file.name} of {server.name} does not exist.",
            "Choose it again in the settings of the server.",
        )
    return str(file)


def _login(server: PacsServer, secret: str | None) -> AuthBase | None:
    if server.authentication == "none":
        return None
    if not secret:
        raise MedsegError(
            f"There is no password or token for {server.name}.", "Log in first: it is kept in the system's keyring."
        )
    if not secret.isprintable() or (server.authentication == "token" and not secret.isascii()):
        raise MedsegError(f"The password or token for {server.name} holds signs that none has.", "Enter it again.")
    if server.authentication == "token":
        return BearerToken(secret)
    return HTTPBasicAuth(server.user.encode(), secret.encode())
