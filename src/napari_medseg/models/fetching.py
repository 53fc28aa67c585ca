"""A model's file from the web: by https alone, bounded, taken up again where it stopped, and asked for first."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

import platformdirs

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report

if TYPE_CHECKING:
    import requests

    from napari_medseg.core.progress import CancelToken, ProgressCallback

MOST_BYTES = 16 * 2**30
_COPIED_AT_ONCE = 2**20
_MOST_TURNS = 5
_WAIT_SECONDS = (10, 60)
_TURNS = (301, 302, 303, 307, 308)
_LARGEST_SHARE = 0.9
_DONE, _PART, _NOT_THIS_RANGE = 200, 206, 416


@dataclass(frozen=True)
class Remote:
    """A file on the web, before it is fetched.

    Parameters
    ----------
    url : str
        As asked for.
    host : str
        Who gives it, after all redirections.
    name : str
        What to call it.
    size_bytes : int or None
        How large it is; None if the server does not tell.
    """

    url: str
    host: str
    name: str
    size_bytes: int | None


def is_address(text: str) -> bool:
    """Tell whether a text is an address on the web rather than a path."""
    return re.match(r"^[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def look_up(url: str, session: requests.Session | None = None) -> Remote:
    """Ask how large a file is, without fetching it.

    Raises
    ------
    MedsegError
        If the address is not https, the server cannot be reached or refuses, or the file is too large.
    """
    with _session(session) as own, _get(own, url, {}) as response:
        _require(response, url)
        return _remote(response, url)


def fetch(
    url: str,
    *,
    sha256: str = "",
    folder: Path | None = None,
    session: requests.Session | None = None,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> tuple[Path, str]:
    """Fetch a file, or what is missing of it.

    Parameters
    ----------
    url : str
        Address, https.
    sha256 : str, optional
        What the file's SHA-256 must be.
    folder : Path, optional
        Where unfinished and finished files lie; the user's cache by default.
    session : requests.Session, optional
        To ask with.
    on_progress, cancel
        As everywhere; steps are megabytes.

    Returns
    -------
    path : Path
        The file.
    sha256 : str
        Its checksum.

    Raises
    ------
    MedsegError
        See `look_up`; also if the checksum is another, or the file grows beyond what was promised.
    Cancelled
        If the user stopped it; what has come is kept and taken up the next time.
    """
    place = (folder or Path(platformdirs.user_cache_dir("napari-medseg", appauthor=False)) / "downloads") / (
        hashlib.sha256(url.encode()).hexdigest()[:24]
    )
    place.mkdir(parents=True, exist_ok=True)
    part, mark = place / "unfinished", place / "version"
    with _session(session) as own:
        start = part.stat().st_size if part.is_file() and mark.is_file() else 0
        asked = {"Range": f"bytes={start}-", "If-Range": mark.read_text(encoding="utf-8")} if start else {}
        with _get(own, url, asked) as response:
            if response.status_code == _NOT_THIS_RANGE:
                if not start:
                    raise MedsegError(f"{_checked_host(url)} gives no part of this file.", "Check the address.")
                part.unlink(missing_ok=True)
                return fetch(url, sha256=sha256, folder=folder, session=session, on_progress=on_progress, cancel=cancel)
            _require(response, url)
            remote = _remote(response, url, start if response.status_code == _PART else 0)
            if response.status_code == _PART and not _begins_at(response, start):
                raise MedsegError(f"{remote.host} sent another part of the file than was asked for.", "Try again.")
            _require_room(place, remote, start)
            _write_mark(response, mark)
            _save(response, part, remote, start if response.status_code == _PART else 0, on_progress, cancel)
    found = _sha256(part)
    if sha256 and found != sha256.lower():
        part.unlink()
        raise MedsegError(
            f"The file from {remote.host} is not the one that was asked for: its checksum is {found}.",
            "Do not trust it; ask who made the model.",
        )
    target = place / remote.name
    part.replace(target)
    return target, found


def forget(path: Path) -> None:
    """Remove a file that `fetch` gave: what was made of it is installed."""
    path.unlink(missing_ok=True)
    (path.parent / "version").unlink(missing_ok=True)


def _save(
    response: requests.Response,
    part: Path,
    remote: Remote,
    start: int,
    on_progress: ProgressCallback | None,
    cancel: CancelToken | None,
) -> None:
    import requests

    expected, total = remote.size_bytes, (remote.size_bytes or 0) // 10**6
    done = start
    try:
        with part.open("ab" if start else "wb") as file:
            for piece in response.iter_content(_COPIED_AT_ONCE):
                done += len(piece)
                if done > min(MOST_BYTES, expected if expected is not None else MOST_BYTES):
                    raise MedsegError(f"{remote.host} sends more than it promised.", "Do not trust it.")
                file.write(piece)
                report(on_progress, done // 10**6, max(total, done // 10**6), "Fetching the model (MB)", cancel)
    except requests.RequestException as error:
        raise MedsegError(
            f"The connection to {remote.host} broke after {done / 1e6:.0f} MB.", "Try again: what has come is kept."
        ) from error
    except OSError as error:
        raise MedsegError("The model cannot be saved.", error.strerror or "") from error
    if expected is not None and done < expected:
        raise MedsegError(
            f"The connection to {remote.host} ended after {done / 1e6:.0f} MB.", "Try again: what has come is kept."
        )


def _require_room(place: Path, remote: Remote, start: int) -> None:
    """Look whether there is room for what is missing, before it comes."""
    import shutil

    missing, free = (remote.size_bytes or 0) - start, shutil.disk_usage(place).free
    if missing > _LARGEST_SHARE * free:
        raise MedsegError(
            f"The file is {missing / 1e9:,.1f} GB large, and {free / 1e9:,.1f} GB are free.", "Make room for it."
        )


def _get(session: requests.Session, url: str, headers: dict[str, str]) -> requests.Response:
    """Ask for a file, and follow redirections from https to https."""
    import requests

    for _ in range(_MOST_TURNS):
        host = _checked_host(url)
        try:
            response = session.get(
                url,
                headers={"Accept-Encoding": "identity", **headers},
                stream=True,
                allow_redirects=False,
                timeout=_WAIT_SECONDS,
            )
        except requests.RequestException as error:
            raise MedsegError(f"{host} cannot be reached.", "Check the address and the connection.") from error
        if response.status_code not in _TURNS:
            return response
        url = urljoin(url, response.headers.get("Location", ""))
        response.close()
    raise MedsegError("The address leads from one place to the next without an end.", "Check it.")


def _checked_host(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise MedsegError(f"Models are fetched by https, not by {parts.scheme or 'this address'}.", "Fetch it by hand.")
    if parts.username or parts.password:
        raise MedsegError("The address holds a user's name or password.", "Fetch the file by hand, and add the file.")
    return parts.hostname


def _require(response: requests.Response, url: str) -> None:
    if response.status_code not in (_DONE, _PART):
        host = urlsplit(response.url or url).hostname
        raise MedsegError(f"{host} does not give this file (status {response.status_code}).", "Check the address.")


def _remote(response: requests.Response, url: str, start: int = 0) -> Remote:
    length = response.headers.get("Content-Length", "")
    size = int(length) + start if length.isdecimal() else None
    host = _checked_host(response.url or url)
    if size is not None and size > MOST_BYTES:
        raise MedsegError(f"The file is {size / 1e9:.0f} GB large, more than any model.", "Check the address.")
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", unquote(urlsplit(url).path).rpartition("/")[2])[-80:].lstrip(".")
    return Remote(url, host, name if name.lower().endswith(".zip") else f"{name or 'model'}.zip", size)


def _begins_at(response: requests.Response, start: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _write_mark(response: requests.Response, mark: Path) -> None:
    """Remember which version of the file is being fetched; without a sure sign of it, it begins anew next time."""
    tag = response.headers.get("ETag", "")
    if tag.startswith('"'):
        mark.write_text(tag, encoding="utf-8")
    else:
        mark.unlink(missing_ok=True)


def _session(session: requests.Session | None) -> Any:
    import contextlib

    import requests

    return requests.Session() if session is None else contextlib.nullcontext(session)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
