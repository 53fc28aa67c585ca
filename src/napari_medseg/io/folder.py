"""Which files of a folder could be scans, by name alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.nifti_files import IMAGE_SUFFIXES, header_file_of, is_nifti_name, suffix_of
from napari_medseg.io.raster_files import is_raster_name

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken


_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True)
class Listing:
    """The files of a folder, at any depth, in order of name.

    Parameters
    ----------
    nifti : list of pathlib.Path
        Files called like a NIfTI file.
    rasters : list of pathlib.Path
        Files called like a picture (PNG, JPEG, TIFF).
    others : list of pathlib.Path
        All other files; DICOM files may have any name.
    problems : list of str
        One sentence for each folder that could not be looked into.
    """

    nifti: list[Path]
    rasters: list[Path]
    others: list[Path]
    problems: list[str]


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP by its content."""
    try:
        with path.open("rb") as file:
            return file.read(4) in _ZIP_MAGIC
    except OSError:
        return False


def is_dicomdir_name(path: Path) -> bool:
    """Whether a file is called as the index of a DICOM CD is (PS3.10 section 8.6)."""
    return path.name.upper() == "DICOMDIR"


def readable_path(path: str | os.PathLike[str]) -> Path:
    """Return a path that exists and may be read.

    Raises
    ------
    MedsegError
        If it does not exist, may not be read, or is neither a file nor a folder.
    """
    place = Path(path).expanduser()
    place = place if place.name else place.absolute()  # "." has no name to show
    name = place.name or str(place)
    try:
        if place.is_dir():
            os.scandir(place).close()
        elif place.is_file():
            place.open("rb").close()
        else:
            place.stat()
            raise MedsegError(f"{name} is neither a file nor a folder.", "Choose a scan or a folder of scans.")
    except FileNotFoundError as error:
        raise MedsegError(f"{name} does not exist.", "Check the path.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a valid path"
        raise MedsegError(f"{name} cannot be read ({reason}).", "Check that you may open it.") from error
    return place


def list_files(folder: Path, cancel: CancelToken | None = None) -> Listing:
    """Walk a folder and part its files into NIfTI and pictures (by name) and all others.

    Hidden files and folders are passed over, unfinished files of ours among them; so are pipes and the like, the
    .img halves of pairs, and links to folders.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    listing = Listing([], [], [], [])

    def note_problem(error: OSError) -> None:
        name = Path(str(error.filename)).name
        listing.problems.append(f"The folder {name} cannot be read ({error.strerror}).")

    for root, folders, names in os.walk(folder, onerror=note_problem):
        if cancel is not None:
            cancel.raise_if_cancelled()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(root, name) for name in sorted(names) if not name.startswith(".")):
            if path.is_file() and not _is_half_of_pair(path):
                _heap_for(path, listing).append(path)
    return listing


def _heap_for(path: Path, listing: Listing) -> list[Path]:
    if is_nifti_name(path):
        return listing.nifti
    return listing.rasters if is_raster_name(path) else listing.others


def _is_half_of_pair(path: Path) -> bool:
    """Return whether a file holds the voxels of a header beside it."""
    if suffix_of(path) not in IMAGE_SUFFIXES:
        return False
    try:
        return header_file_of(path) != path
    except MedsegError:
        return False
