"""Paths on the command line, checked before any work is done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_medseg.core.study import Series

NIFTI_SUFFIXES = (".nii.gz", ".nii")
SEG_SUFFIX = ".dcm"
FORMATS = {"nii.gz": ".nii.gz", "nii": ".nii", "dcm": SEG_SUFFIX}
"""Endings of label files, by what a user calls the format."""


def is_nifti(path: Path) -> bool:
    """Whether a path is named like a NIfTI file that we write."""
    return path.name.lower().endswith(NIFTI_SUFFIXES)


def is_label_name(path: Path) -> bool:
    """Whether a path is named like a file that labels are written to: NIfTI, or a DICOM SEG."""
    return is_nifti(path) or path.name.lower().endswith(SEG_SUFFIX)


def is_file_name(path: Path) -> bool:
    """Whether an output that may not exist yet is meant as a file: it is one, or is named like one of ours."""
    return path.is_file() or (is_label_name(path) and not path.is_dir())


def stem(path: Path) -> str:
    """Return a file's name without the suffixes of scans."""
    name = path.name
    for suffix in (*NIFTI_SUFFIXES, ".hdr", ".img", ".img.gz", ".dcm"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def file_name(series: Series, index: int) -> str:
    """Return a name for a series' file: number, modality and description, no identity."""
    words = (f"{index:03}", series.modality, series.description or stem(series.path))
    return re.sub(r"[^\w.+-]+", "_", "_".join(filter(None, words))).strip("_.") + ".nii.gz"


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path], overwrite: bool) -> None:
    """Stop before the work if it could not be saved, or would replace what must stay.

    Raises
    ------
    MedsegError
        If an output exists and may not be overwritten, is an input, or its folder does not exist.
    """
    scans = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in scans:
            raise MedsegError(f"{path} is the scan itself.", "Choose another name for the output.")
        if path.is_dir():
            raise MedsegError(f"{path} is a folder.", "Name a file in it.")
        if path.exists() and not overwrite:
            raise MedsegError(f"{path} exists already.", "Choose another name, or add --overwrite.")
        if not path.parent.is_dir():
            raise MedsegError(f"There is no folder {path.parent}.", "Make it first, or choose another one.")
