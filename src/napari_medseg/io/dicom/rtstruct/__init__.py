"""DICOM structure sets (RTSTRUCT, PS3.3 A.19): contours read into labels, and labels written as contours.

The functions are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazy_loader import attach

if TYPE_CHECKING:
    from napari_medseg.io.dicom.rtstruct.read import read_rtstruct, read_rtstructs
    from napari_medseg.io.dicom.rtstruct.write import write_rtstruct

RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
"""RT Structure Set Storage."""

__all__ = ["RTSTRUCT_CLASS", "read_rtstruct", "read_rtstructs", "write_rtstruct"]

__getattr__, __dir__, _ = attach(
    __name__,
    submod_attrs={"read": ["read_rtstruct", "read_rtstructs"], "write": ["write_rtstruct"]},
)
