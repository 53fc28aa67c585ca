"""Where images of archives are kept on this computer: a folder for the user alone, with names that tell nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from napari_medseg.core.pacs import PacsServer, RemoteSeries

_ORIGIN = ".origin.json"
_PRIVATE = 0o700
_LETTERS = 32
_DAY_S = 24 * 3600.0
MOST_BYTES = 20 * 2**30
LONGEST_DAYS = 30
_IN_USE_S = _DAY_S
"""A folder used within this time may be that of a scan on screen."""


def cache_folder() -> Path:
    """Return the folder that all series are kept in."""
    return Path(platformdirs.user_cache_dir("napari-medseg", appauthor=False)) / "pacs"


def series_folder(server: PacsServer, series: RemoteSeries, root: Path | None = None) -> Path:
    """Return the folder of a series, making it if needed.

    Raises
    ------
    MedsegError
        If it cannot be made.
    """
    folder = (root or cache_folder()) / _digest(f"{server.url} {series.study_uid} {series.uid}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.parent.chmod(_PRIVATE)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
        origin = json.dumps({"server": server.name, "url": server.url})
        (folder / _ORIGIN).write_text(origin, encoding="utf-8")  # its time tells the use
    except OSError as error:
        raise MedsegError(
            f"The folder for images of {server.name} cannot be made ({error.strerror}).", "Check its rights."
        ) from error
    return folder


def instance_name(uid: str) -> str:
    """Return the file name of an instance: not its UID, which leads back to the patient in the archive."""
    return f"{_digest(uid)}.dcm"


@dataclass(frozen=True)
class Origin:
    """Where a scan was fetched from.

    Parameters
    ----------
    server : str
        Name of the server; another one may have it by now.
    url : str
        Its address then.
    """

    server: str
    url: str


def origin_of(path: Path) -> Origin | None:
    """Return which server a file or folder of the cache came from; None for any other path.

    Labels of such a scan are sent to that server, or saved elsewhere: the cache is no place to keep things.
    """
    for folder in (path, path.parent):
        try:
            found = json.loads((folder / _ORIGIN).read_text(encoding="utf-8"))
            return Origin(str(found["server"]), str(found["url"]))
        except (OSError, ValueError, LookupError, TypeError):
            continue
    return None


def tidy_cache(root: Path | None = None, *, most_bytes: int = MOST_BYTES, longest_days: float = LONGEST_DAYS) -> None:
    """Remove what was not used for long, and of the rest the oldest until it fits; never what was used today."""
    now = time.time()
    left = 0
    for used, folder in sorted(_folders(root or cache_folder()), reverse=True):
        n_bytes = _size(folder)
        is_old = now - used > longest_days * _DAY_S
        if now - used > _IN_USE_S and (is_old or left + n_bytes > most_bytes):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            left += n_bytes


def clear_cache(root: Path | None = None) -> int:
    """Remove all images of archives from this computer; return how many series there were."""
    folders = _folders(root or cache_folder())
    for _, folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return len(folders)


def _folders(root: Path) -> list[tuple[float, Path]]:
    """Return the folders of series and when each was used last."""
    found = []
    with suppress(OSError):
        for folder in root.iterdir():
            with suppress(OSError):
                found.append(((folder / _ORIGIN).stat().st_mtime, folder))
    return found


def _size(folder: Path) -> int:
    total = 0
    with suppress(OSError):
        total = sum(file.stat().st_size for file in folder.iterdir())
    return total


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_LETTERS]
