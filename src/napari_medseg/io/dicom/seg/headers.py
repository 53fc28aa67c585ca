"""The headers of images, completed where a segmentation must copy what their files leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import generate_uid
from pydicom.valuerep import DA, TM

from napari_medseg.io.dicom.seg.sources import read_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from napari_medseg.io.dicom.instance import Instance

_MAY_BE_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
)
"""Attributes of type 2 (PS3.5 section 7.4): present, with or without a value."""


def source_headers(instances: Sequence[Instance], *, placed: bool) -> list[Dataset]:
    """Return the headers of images, such as highdicom wants them.

    Parameters
    ----------
    instances : sequence of Instance
        The images of one series.
    placed : bool
        Whether they tell where in the patient they lie. Then they share a frame of reference, a new one if the files
        name none; otherwise any that they name is left out, since nothing refers to it.

    Raises
    ------
    MedsegError
        If a file cannot be read.
    """
    found = []
    unnamed_frame = generate_uid(prefix=None)
    for instance in instances:
        header = read_dataset(instance)
        for keyword in _MAY_BE_EMPTY:
            if keyword not in header:
                setattr(header, keyword, None)
        _drop_unreadable_times(header)
        if not placed:
            for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
                if keyword in header:
                    delattr(header, keyword)
        else:
            if not header.get("FrameOfReferenceUID"):
                header.FrameOfReferenceUID = unnamed_frame
            header.PixelSpacing = list(instance.pixel_spacing or (1.0, 1.0))
            header.SliceThickness = instance.slice_thickness or instance.slice_spacing or None
        found.append(header)
    return found


def _drop_unreadable_times(header: Dataset) -> None:
    """Empty a date or time that is none; both may be empty."""
    for keyword, kind in (("StudyDate", DA), ("StudyTime", TM)):
        try:
            kind(header.get(keyword) or "")
        except (ValueError, TypeError):
            setattr(header, keyword, None)
