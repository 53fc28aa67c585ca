"""Scans inside a ZIP file: unpacked into a private temporary folder for as long as the program runs.

A ZIP comes from anywhere, so nothing it says is believed: names are made harmless, numbers and sizes are bounded
before and while bytes are written, and only files that can be scans are unpacked at all.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.io.dicom.sniff import HEAD_BYTES, looks_like_dicom
from napari_medseg.io.nifti_files import IMAGE_SUFFIXES, is_nifti_name, suffix_of
from napari_medseg.io.raster_files import is_raster_name

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken, ProgressCallback

MOST_FILES = 200_000
MOST_BYTES = 64 * 2**30
LARGEST_RATIO = 200
_ALWAYS_ALLOWED_BYTES = 2**30
"""An archive may unpack to this, or to `LARGEST_RATIO` times its size if that is more; never beyond `MOST_BYTES`."""

FOLDER_PREFIX = "napari-medseg-"
"""How the temporary folders are called; the number of the process follows."""

_DEEPEST = 32
_PEEKED = 32
_COPIED_AT_ONCE = 2**20
_LONGEST_NAME = 120
_NOT_IN_NAMES = '<>:"|?*'
_BAD = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)
"""What zipfile raises on damaged members; a password is a RuntimeError."""


@dataclass
class Unpacked:
    """What came out of an archive.

    Parameters
    ----------
    folder : pathlib.Path
        Where the files are; each under its name in the archive, made harmless.
    problems : list of str
        One sentence for each kind of member that was left out.
    """

    folder: Path
    problems: list[str] = field(default_factory=list)


def may_hold_scans(path: Path) -> bool:
    """Whether one of the first files in a ZIP can be a scan: a quick look for those who offer to open it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(_can_be_scan(archive, member) for member in _files_of(archive)[:_PEEKED])
    except _BAD:
        return False


def unpack(
    path: Path, folder: Path, on_progress: ProgressCallback | None = None, cancel: CancelToken | None = None
) -> Unpacked:
    """Unpack the scans of a ZIP.

    Parameters
    ----------
    path : pathlib.Path
        The archive.
    folder : pathlib.Path
        An empty folder.
    on_progress, cancel
        As everywhere.

    Raises
    ------
    MedsegError
        If the archive is damaged as a whole, promises more than it may, or there is no room for it.
    Cancelled
        If the user stopped it.
    """
    found = Unpacked(folder)
    faults: dict[str, list[str]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = _files_of(archive)
            _check_size(path, members)
            for done, member in enumerate(members):
                report(on_progress, done, len(members), "Unpacking", cancel)
                fault = _unpack_member(archive, member, folder, cancel)
                if fault:
                    faults.setdefault(fault, []).append("".join(_parts(member)[-1:]))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise MedsegError(f"{path.name} is a damaged ZIP file.", "Copy it again from where it came from.") from error
    found.problems += [_sentence(path, fault, names) for fault, names in faults.items()]
    return found


def _files_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members that are files and not hidden."""
    return [
        member
        for member in archive.infolist()
        if not member.is_dir()
        and not any(part.startswith((".", "__MACOSX")) for part in _parts(member) if part != "..")
    ]


def _check_size(path: Path, members: list[zipfile.ZipInfo]) -> None:
    promised = sum(member.file_size for member in members)
    allowed = min(MOST_BYTES, max(_ALWAYS_ALLOWED_BYTES, LARGEST_RATIO * path.stat().st_size))
    hint = "Unpack it with another program and open the folder."
    if len(members) > MOST_FILES:
        raise MedsegError(f"{path.name} holds more than {MOST_FILES:,} files.", hint)
    if promised > allowed:
        raise MedsegError(f"{path.name} unpacks to {promised / 1e9:,.1f} GB, which is too much for its size.", hint)
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if promised > 0.9 * free:
        raise MedsegError(
            f"{path.name} unpacks to {promised / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free for temporary files.",
            "Make room, or unpack it with another program and open the folder.",
        )


def _unpack_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, cancel: CancelToken | None) -> str:
    """Write a member that can be a scan below `folder`; return what is wrong with it, empty if nothing is."""
    if member.flag_bits & 1:
        return "protected by a password"
    if ".." in _parts(member) or stat.S_ISLNK(member.external_attr >> 16):
        return "outside of the archive"
    if len(_parts(member)) > _DEEPEST:
        return "nested too deeply"
    try:
        if not _can_be_scan(archive, member):
            return "an archive itself" if member.filename.lower().endswith(".zip") else ""
        target = _free_target(folder, member)
        with archive.open(member) as source, target.open("xb") as file:
            _copy(source, file, member.file_size, cancel)
    except OSError as error:
        if error.errno:  # the disk, not the archive
            raise MedsegError(f"The files of the archive cannot be unpacked ({error.strerror}).", "") from error
        return "damaged"
    except _BAD:
        return "damaged"
    return ""


def _can_be_scan(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    name = Path(_parts(member)[-1] if _parts(member) else "")
    if is_nifti_name(name) or is_raster_name(name) or suffix_of(name) in IMAGE_SUFFIXES:
        return True
    with archive.open(member) as file:
        return looks_like_dicom(file.read(HEAD_BYTES))


def _copy(source: IO[bytes], file: IO[bytes], size: int, cancel: CancelToken | None) -> None:
    """Copy exactly as many bytes as the archive promised, and was allowed."""
    copied = 0
    while piece := source.read(_COPIED_AT_ONCE):
        if cancel is not None:
            cancel.raise_if_cancelled()
        copied += len(piece)
        if copied > size:
            raise zipfile.BadZipFile
        file.write(piece)
    if copied < size:
        raise zipfile.BadZipFile


def _parts(member: zipfile.ZipInfo) -> list[str]:
    """Return the folders and the name of a member, without drive and root."""
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    return [part for part in parts if part not in ("/", ".") and not part.endswith(":")]


def _free_target(folder: Path, member: zipfile.ZipInfo) -> Path:
    """Return a new path below `folder` for a member; a second one of a name gets a number."""
    *above, name = [_harmless(part) for part in _parts(member)] or ["file"]
    place = folder.joinpath(*above)
    place.mkdir(parents=True, exist_ok=True)
    target, number = place / name, 1
    while target.exists():
        number += 1
        target = place / f"{number}_{name}"
    return target


def _harmless(part: str) -> str:
    kept = "".join("_" if c in _NOT_IN_NAMES or ord(c) < 32 else c for c in part)
    return kept[-_LONGEST_NAME:].lstrip(".") or "_"


def _sentence(path: Path, fault: str, names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} in {path.name} is {fault} and left out."
    return f"{names[0]} and {len(names) - 1} more in {path.name} are {fault} and left out."


def new_folder() -> Path:
    """Make a folder for this process that only the user can read."""
    return Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
