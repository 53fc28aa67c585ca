"""DICOM series of images: found in folders by their headers, and read into volumes.

`find_dicom_series` lists, `is_dicom` tells by content. pydicom is imported when the first is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazy_loader import attach

if TYPE_CHECKING:
    from napari_medseg.io.dicom.scan import find_dicom_series
    from napari_medseg.io.dicom.sniff import is_dicom

__all__ = ["find_dicom_series", "is_dicom"]

__getattr__, __dir__, _ = attach(
    __name__,
    submod_attrs={
        "scan": ["find_dicom_series"],
        "sniff": ["is_dicom"],
    },
)
