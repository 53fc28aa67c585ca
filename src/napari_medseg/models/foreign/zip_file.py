"""A model in a ZIP file: its files in a private folder, and nothing that could reach outside of it."""

from __future__ import annotations

import lzma
import shutil
import stat
import unicodedata
import zipfile
import zlib
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.models.foreign.refusal import not_in_order

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback

MOST_FILES = 5_000
MOST_BYTES = 16 * 2**30
LARGEST_RATIO = 50
_ALWAYS_ALLOWED_BYTES = 2**26
"""An archive may unpack to this, or to `LARGEST_RATIO` times its size if that is more; never beyond `MOST_BYTES`."""

_DEEPEST = 12
_LONGEST_NAME = 200
_COPIED_AT_ONCE = 2**20
_BAD = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError)
_DISTRUST = "Do not trust this file: a model's archive has no reason for that."


def unpack_model(
    path: Path, folder: Path, on_progress: ProgressCallback | None = None, cancel: CancelToken | None = None
) -> None:
    """Unpack the ZIP file of a model.

    Unlike with scans, one bad member is enough to refuse the whole: half a model is none.

    Parameters
    ----------
    path : Path
        The archive.
    folder : Path
        An empty folder.
    on_progress, cancel
        As everywhere.

    Raises
    ------
    MedsegError
        If a name leads out of the archive or holds control characters, a member is a link, the sizes are beyond all
        reason or not what is promised, or the archive is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_sizes(path, members, folder)
            for done, member in enumerate(members):
                report(on_progress, done, len(members), "Unpacking", cancel)
                target = folder.joinpath(*_parts(member))
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(archive, member, target, cancel)
    except _BAD as error:
        raise not_in_order(f"{path.name} is a damaged ZIP file, or has a password") from error
    except FileExistsError as error:
        raise not_in_order(f"{path.name} holds two files of one name") from error
    except OSError as error:
        raise MedsegError(f"{path.name} could not be unpacked.", error.strerror or "") from error


def _check_sizes(path: Path, members: list[zipfile.ZipInfo], folder: Path) -> None:
    promised = sum(member.file_size for member in members)
    allowed = min(MOST_BYTES, max(_ALWAYS_ALLOWED_BYTES, LARGEST_RATIO * path.stat().st_size))
    if len(members) > MOST_FILES:
        raise MedsegError(f"{path.name} holds more than {MOST_FILES:,} files.", _DISTRUST)
    if promised > allowed:
        raise MedsegError(f"{path.name} unpacks to {promised / 1e9:,.1f} GB, too much for its size.", _DISTRUST)
    free = shutil.disk_usage(folder).free
    if promised > 0.9 * free:
        raise MedsegError(
            f"{path.name} unpacks to {promised / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free.", "Make room for it."
        )


def _parts(member: zipfile.ZipInfo) -> list[str]:
    """Return the folders and the name of a member, all of them harmless."""
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs") for character in name):
        raise MedsegError("The archive has a file whose name holds control characters.", _DISTRUST)
    if name.startswith(("/", "\\")) or ".." in parts or any(":" in part for part in parts):
        raise MedsegError(f"The archive has a file that leads out of it ('{name[:80]}').", _DISTRUST)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise MedsegError(f"'{name[:80]}' in the archive is a link or a device.", _DISTRUST)
    parts = [part for part in parts if part not in ("", ".")]
    if not parts or len(parts) > _DEEPEST or any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise MedsegError("The archive has names that are too long.", _DISTRUST)
    return parts


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, cancel: CancelToken | None) -> None:
    """Copy exactly as many bytes as the archive promised, and was allowed."""
    copied = 0
    with archive.open(member) as source, target.open("xb") as file:
        while piece := source.read(_COPIED_AT_ONCE):
            if cancel is not None:
                cancel.raise_if_cancelled()
            copied += len(piece)
            if copied > member.file_size:
                raise zipfile.BadZipFile
            file.write(piece)
    if copied < member.file_size:
        raise zipfile.BadZipFile
