"""DICOM segmentations (PS3.3 A.51): labels written for a DICOM series, and anybody's read onto the grid of their scan.

The functions are loaded when first used, and highdicom with those that write alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazy_loader import attach

if TYPE_CHECKING:
    from napari_medseg.io.dicom.seg.upright import (
        read_dicom_seg,
        read_dicom_segs,
        write_dicom_seg,
        write_fractional_seg,
    )

SEG_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""Segmentation Storage, and Label Map Segmentation Storage."""

MANUFACTURER = "napari-medseg"
"""By which our own files are known again."""

__all__ = [
    "MANUFACTURER",
    "SEG_CLASSES",
    "read_dicom_seg",
    "read_dicom_segs",
    "write_dicom_seg",
    "write_fractional_seg",
]

__getattr__, __dir__, _ = attach(
    __name__,
    submod_attrs={
        "upright": ["read_dicom_seg", "read_dicom_segs", "write_dicom_seg", "write_fractional_seg"],
    },
)
