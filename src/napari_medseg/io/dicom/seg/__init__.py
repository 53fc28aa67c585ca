"""DICOM segmentations (PS3.3 A.51): labels written for a DICOM series, and anybody's read onto the grid of their scan.

The functions are loaded when first used, and highdicom with those that write alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_medseg.io.dicom.seg.upright import read_dicom_seg, read_dicom_segs, write_dicom_seg
    from napari_medseg.io.dicom.seg.write import write_fractional_seg

SEG_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""Segmentation Storage, and Label Map Segmentation Storage."""

MANUFACTURER = "napari-medseg"
"""By which our own files are known again."""

_HOMES = {
    "read_dicom_seg": "upright",
    "read_dicom_segs": "upright",
    "write_dicom_seg": "upright",
    "write_fractional_seg": "write",
}

__all__ = [
    "MANUFACTURER",
    "SEG_CLASSES",
    "read_dicom_seg",
    "read_dicom_segs",
    "write_dicom_seg",
    "write_fractional_seg",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
