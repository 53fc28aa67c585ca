"""What a user reads when an archive does not answer as it should.

Nothing of the request is told, and causes are dropped: the URL in them names who was searched for.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
import urllib3

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.core.pacs import PacsServer

_FULL = (errno.ENOSPC, errno.EDQUOT)
BUSY = frozenset({408, 429, 502, 503, 504})
"""Answers after which another attempt may succeed."""


class PacsError(MedsegError):
    """The archive did not do as asked.

    Parameters
    ----------
    message, hint : str
        As in `MedsegError`.
    status : int
        Of the HTTP answer; 0 if there was none.
    is_passing : bool
        Whether another attempt may succeed.
    """

    def __init__(self, message: str, hint: str = "", *, status: int = 0, is_passing: bool = False) -> None:
        super().__init__(message, hint)
        self.status = status
        self.is_passing = is_passing


@contextmanager
def explained(server: PacsServer) -> Iterator[None]:
    """Turn what the network raises into what the user reads."""
    try:
        yield
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        raise refused(server, status) from None
    except requests.exceptions.JSONDecodeError:
        raise not_dicomweb(server) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _unreachable(server, error) from None
    except OSError as error:
        raise _disk(server, error) from None


def refused(server: PacsServer, status: int) -> PacsError:
    """Return the error for an answer that is no success."""
    message, hint = _of_status(server, status)
    return PacsError(message, hint, status=status, is_passing=status in BUSY)


def not_dicomweb(server: PacsServer) -> PacsError:
    """Return the error for an answer in another language."""
    return PacsError(
        f"{server.name} answered, but not as a DICOMweb server does.",
        "Check the URL: it is often one that ends in /dicom-web, /dicomweb or /rs.",
    )


def cut_off(server: PacsServer) -> PacsError:
    """Return the error for an answer that ends in its middle."""
    return PacsError(
        f"The answer of {server.name} ended in the middle of an image.",
        "Try again: what has arrived is kept.",
        is_passing=True,
    )


def too_long(server: PacsServer, n_bytes: int) -> PacsError:
    """Return the error for an answer beyond the limit."""
    return PacsError(f"{server.name} sent more than {n_bytes / 1e6:,.0f} MB, which was not expected.", "")


def disk_full(server: PacsServer) -> PacsError:
    """Return the error for images that do not fit."""
    return PacsError(
        f"There is no space left for the images of {server.name}.", "Free some space; what has arrived is kept."
    )


def downgraded(server: PacsServer) -> PacsError:
    """Return the error for a server that sends its visitors to an unencrypted place."""
    return PacsError(
        f"{server.name} points to an address that is not encrypted.", "Ask who runs it for an address with https://."
    )


def _of_status(server: PacsServer, status: int) -> tuple[str, str]:
    name = server.name
    if status == 401:
        if server.authentication == "none":
            return f"{name} wants to know who you are.", "Choose a login in the settings of the server."
        return f"{name} did not accept the login.", "Enter the password or token again; it may have expired."
    if status == 403:
        return f"{name} does not allow this.", "Ask who runs it for the right to do so."
    if status in (404, 405, 410, 501):
        return (
            f"{name} does not know what was asked for (status {status}).",
            "Check the URL and the paths in the settings of the server; or the images were removed.",
        )
    if status == 407:
        return f"The proxy on the way to {name} wants a login.", "Ask your network's administrator."
    if status in (413, 507):
        return f"{name} has no room for this.", "Ask who runs it."
    if status in BUSY:
        return f"{name} is busy (status {status}).", "Try again in a minute."
    if status >= 500:
        return f"{name} failed inside (status {status}).", "Try again, or ask who runs it."
    return f"{name} refused the request (status {status}).", "Check the settings of the server."


def _unreachable(server: PacsServer, error: Exception) -> PacsError:
    name, host = server.name, server.host
    if isinstance(error, requests.exceptions.SSLError | urllib3.exceptions.SSLError):
        return PacsError(
            f"The certificate of {host} could not be verified.",
            "If the hospital has its own authority, name its certificate file in the settings of the server.",
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return PacsError(f"The proxy on the way to {name} does not answer.", "Check the network's settings.")
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError) or "timed out" in str(error):
        return PacsError(
            f"{name} did not answer within {server.timeout_s:g} seconds.",
            "Try again, or allow it more time in its settings.",
            is_passing=True,
        )
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return PacsError(f"The URL of {name} is not valid.", "Correct it in the settings of the server.")
    causes = _causes(error)
    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in causes):
        return PacsError(f"There is no computer called {host}.", "Check the URL, and that you are in its network.")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return PacsError(
            f"Nothing answers at the address of {name}.", "Check the URL and its port, or start the server."
        )
    return PacsError(f"The connection to {name} broke.", "Check the network and try again.", is_passing=True)


def _causes(error: BaseException) -> list[object]:
    """Return an error and everything that led to it, also where libraries keep it as a value."""
    found: list[object] = []
    todo: list[object] = [error]
    while todo and len(found) < 32:
        one = todo.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found


def _disk(server: PacsServer, error: OSError) -> PacsError:
    if isinstance(error, ConnectionError | TimeoutError):
        return _unreachable(server, error)
    if error.errno in _FULL:
        return disk_full(server)
    reason = error.strerror or type(error).__name__
    return PacsError(f"The images of {server.name} cannot be kept ({reason}).", "Check the folder for cached files.")
