"""Which files of a folder could be scans, by name alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.nifti_files import IMAGE_SUFFIXES, is_nifti_name, suffix_of

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken


def readable_path(path: str | os.PathLike[str]) -> Path:
    """Return a path that exists and may be read.

    Raises
    ------
    MedsegError
        If it does not exist, or may not be read.
    """
    place = Path(path).expanduser()
    try:
        place.stat()
        if place.is_dir():
            os.scandir(place).close()
        else:
            place.open("rb").close()
    except FileNotFoundError as error:
        raise MedsegError(f"{place.name or place} does not exist.", "Check the path.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a valid path"
        raise MedsegError(f"{place.name or place} cannot be read ({reason}).", "Check that you may open it.") from error
    return place


def find_nifti_files(folder: Path, cancel: CancelToken | None = None) -> tuple[list[Path], list[Path]]:
    """Walk a folder and part its files into NIfTI (by name) and all others.

    Hidden files and folders are passed over, unfinished files of ours among them.

    Returns
    -------
    tuple of list of pathlib.Path
        Files called like NIfTI, and the rest, each in order of name.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    nifti: list[Path] = []
    others: list[Path] = []
    for root, folders, names in os.walk(folder):
        if cancel is not None:
            cancel.raise_if_cancelled()
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if name.startswith(".") or (suffix_of(path) in IMAGE_SUFFIXES and _has_header(path)):
                continue
            (nifti if is_nifti_name(path) else others).append(path)
    return nifti, others


def _has_header(image: Path) -> bool:
    from napari_medseg.io.nifti_files import header_file_of

    try:
        return header_file_of(image) != image
    except MedsegError:
        return False
