"""Where labels are saved by default: next to the scan, under a name of their own."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_medseg.core import Source

_SUFFIXES = (
    ".nii.gz",
    ".img.gz",
    ".hdr.gz",
    ".nii",
    ".hdr",
    ".img",
    ".rtstruct.dcm",
    ".dcm",
    ".dicom",
    ".ima",
    ".csv",
    ".json",
    ".png",
    ".jpg",
    ".jpeg",
    ".tif",
    ".tiff",
    ".zip",
)
_OF_LABELS = " – "
"""In the names of labels layers between the scan and what is in them."""

_NOT_IN_NAMES = '<>:"/\\|?*'


def default_target(source: Source | None, name: str, model: str, suffix: str) -> Path:
    """Return where labels go if the user does not choose: ``<scan>_<model>.nii.gz`` next to the scan.

    Parameters
    ----------
    source : Source or None
        Where the scan was read from. Labels of a DICOM series lie beside its folder, not among its images. Where the
        scan has no file, its folder cannot be written to, or it was fetched from an archive, the home folder serves.
    name : str
        What the scan is called where it has no file of its own.
    model : str
        Name of the model; empty for hand-made labels.
    suffix : {".nii.gz", ".nii"}
        Format.
    """
    folder, stem = Path.home(), safe_name(name) or "scan"
    if source is not None and source.path is not None and is_fetched(source.path):
        stem = safe_name(name.partition(_OF_LABELS)[0]) or "scan"
    elif source is not None and source.path is not None:
        stem = _stem(source.path)
        if _may_write(source.path.parent):
            folder = source.path.parent
    return folder / f"{stem}_{safe_name(model) or 'labels'}{suffix}"


def free_path(path: Path) -> Path:
    """Return `path`, or the first numbered name beside it that no file has: ``scan_labels_2.nii.gz``."""
    if not path.exists():
        return path
    stem, suffix = _stem(path), path.name[len(_stem(path)) :]
    return next(candidate for n in count(2) if not (candidate := path.with_name(f"{stem}_{n}{suffix}")).exists())


def format_of(path: Path) -> str:
    """Return the ending by which the name of a file tells its format; empty if it tells none."""
    lowered = path.name.lower()
    return next((suffix for suffix in _SUFFIXES if lowered.endswith(suffix)), "")


def is_fetched(path: Path) -> bool:
    """Whether a scan was fetched from an archive: where such scans are kept is no place to keep anything else."""
    from napari_medseg.io.dicom.web import cache

    return path.absolute().is_relative_to(cache.cache_folder())


def safe_name(text: str) -> str:
    """Return text that may stand in a file name on every system."""
    kept = "".join("-" if c in _NOT_IN_NAMES or ord(c) < 32 else c for c in text)
    return "_".join(kept.split()).strip("._")


def _stem(path: Path) -> str:
    lowered = path.name.lower()
    suffix = next((s for s in _SUFFIXES if lowered.endswith(s) and lowered != s), "")
    return path.name[: len(path.name) - len(suffix)]


def _may_write(folder: Path) -> bool:
    """Whether a user's file belongs into a folder: not into an installed package, nor where writing is forbidden."""
    installed = "napari_medseg_data" in folder.parts or "site-packages" in folder.parts
    return not installed and os.access(folder, os.W_OK)
