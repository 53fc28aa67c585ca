"""Names of NIfTI files: single files and .hdr/.img pairs, compressed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from pathlib import Path

SINGLE_SUFFIXES = (".nii", ".nii.gz")
HEADER_SUFFIXES = (".hdr", ".hdr.gz")
IMAGE_SUFFIXES = (".img", ".img.gz")


def suffix_of(path: Path) -> str:
    """Return the suffix in lower case, ".nii.gz" and its like counted as one."""
    name = path.name.lower()
    doubled = [s for s in (".nii.gz", ".hdr.gz", ".img.gz") if name.endswith(s)]
    return doubled[0] if doubled else path.suffix.lower()


def stem_of(path: Path) -> str:
    """Return the file name without its suffix, ".nii.gz" and its like counted as one."""
    suffix = suffix_of(path)
    return path.name[: -len(suffix)] if suffix else path.name


def is_nifti_name(path: Path) -> bool:
    """Return whether a file is called like a NIfTI file that can be opened alone, or the header of a pair."""
    return suffix_of(path) in (*SINGLE_SUFFIXES, *HEADER_SUFFIXES)


def header_file_of(path: Path) -> Path:
    """Return the file that holds the header: the partner of an .img file, else the file itself.

    Raises
    ------
    MedsegError
        If an .img file has no .hdr beside it.
    """
    if suffix_of(path) not in IMAGE_SUFFIXES:
        return path
    return _partner(path, HEADER_SUFFIXES)


def image_file_of(header_path: Path) -> Path:
    """Return the .img file beside a .hdr file.

    Raises
    ------
    MedsegError
        If there is none.
    """
    return _partner(header_path, IMAGE_SUFFIXES)


def _partner(path: Path, suffixes: tuple[str, ...]) -> Path:
    stem = stem_of(path)
    for suffix in suffixes:
        for candidate in (path.with_name(stem + suffix), path.with_name(stem + suffix.upper())):
            if candidate.is_file():
                return candidate
    raise MedsegError(
        f"{path.name} is one half of a pair, and {stem}{suffixes[0]} is missing.",
        "Put both files into the same folder.",
    )
