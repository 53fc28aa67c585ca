"""The header of an image, completed where a segmentation must copy what its file leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import generate_uid
from pydicom.valuerep import DA, TM

from napari_medseg.io.dicom.seg.sources import read_dataset

if TYPE_CHECKING:
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

_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_SIZE = 8


def source_header(instance: Instance) -> Dataset:
    """Return the header of an image, with what it must tell of patient and study, if only that it is unknown.

    An image that lies in the patient has a frame of reference, a new one if its file names none; otherwise any that
    it names is left out, since nothing refers to it.

    Raises
    ------
    MedsegError
        If the file cannot be read.
    """
    header = read_dataset(instance)
    for keyword in _MAY_BE_EMPTY:
        if keyword not in header:
            setattr(header, keyword, None)
    _drop_unreadable_times(header)
    if not instance.is_placed:
        for keyword in ("FrameOfReferenceUID", "PositionReferenceIndicator"):
            if keyword in header:
                delattr(header, keyword)
    elif not header.get("FrameOfReferenceUID"):
        header.FrameOfReferenceUID = generate_uid(prefix=None)
    return header


def stand_in(instance: Instance) -> Dataset:
    """Return a small image of one frame with the header of another, whatever kind that is.

    Raises
    ------
    MedsegError
        If the file cannot be read.
    """
    header = source_header(instance)
    for element in list(header):
        if element.VR == "SQ" and element.tag.group in (0x0020, 0x5200):
            del header[element.tag]
    if "NumberOfFrames" in header:
        del header.NumberOfFrames
    header.Rows = header.Columns = _SIZE
    if instance.is_placed:
        header.SOPClassUID = _CT_IMAGE
        header.ImagePositionPatient = [0.0, 0.0, 0.0]
        header.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
        header.PixelSpacing, header.SliceThickness = [1.0, 1.0], 1.0
    return header


def _drop_unreadable_times(header: Dataset) -> None:
    """Empty a date or time that is none; both may be empty."""
    for keyword, kind in (("StudyDate", DA), ("StudyTime", TM)):
        try:
            kind(header.get(keyword) or "")
        except (ValueError, TypeError):
            setattr(header, keyword, None)
