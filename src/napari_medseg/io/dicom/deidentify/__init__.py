"""Copies of DICOM files without the patient's identity (PS3.15 Annex E): images, and the labels that refer to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazy_loader import attach

if TYPE_CHECKING:
    from napari_medseg.io.dicom.deidentify.copies import DeidentifiedCopy, write_deidentified_copy
    from napari_medseg.io.dicom.deidentify.options import DeidentifyOptions

__all__ = ["DeidentifiedCopy", "DeidentifyOptions", "write_deidentified_copy"]

__getattr__, __dir__, _ = attach(
    __name__,
    submod_attrs={
        "copies": ["DeidentifiedCopy", "write_deidentified_copy"],
        "options": ["DeidentifyOptions"],
    },
)
