"""NIfTI-1 and NIfTI-2: the doors of the format, for the rest of `io`."""

from __future__ import annotations

from napari_medseg.io.nifti_files import is_nifti_name
from napari_medseg.io.nifti_labels import read_nifti_labels, write_nifti_labels
from napari_medseg.io.nifti_series import find_nifti_series, load_nifti
from napari_medseg.io.nifti_write import write_nifti_volume

__all__ = [
    "find_nifti_series",
    "is_nifti_name",
    "load_nifti",
    "read_nifti_labels",
    "write_nifti_labels",
    "write_nifti_volume",
]
