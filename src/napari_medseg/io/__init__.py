"""Files to core values and back: open a study, read a volume, write labels, exchange findings.

The functions are imported when first used; DICOM and NIfTI are loaded when a file asks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazy_loader import attach

if TYPE_CHECKING:
    from napari_medseg.io.door import (
        open_study,
        read_segmentation,
        read_segmentations,
        read_volume,
        write_probabilities,
        write_segmentation,
        write_volume,
    )
    from napari_medseg.io.findings import Finding, ImageFindings, findings_of, segmentation_of
    from napari_medseg.io.findings_door import read_findings, write_findings

__all__ = [
    "Finding",
    "ImageFindings",
    "findings_of",
    "open_study",
    "read_findings",
    "read_segmentation",
    "read_segmentations",
    "read_volume",
    "segmentation_of",
    "write_findings",
    "write_probabilities",
    "write_segmentation",
    "write_volume",
]

__getattr__, __dir__, _ = attach(
    __name__,
    submod_attrs={
        "door": [
            "open_study",
            "read_segmentation",
            "read_segmentations",
            "read_volume",
            "write_probabilities",
            "write_segmentation",
            "write_volume",
        ],
        "findings": ["Finding", "ImageFindings", "findings_of", "segmentation_of"],
        "findings_door": ["read_findings", "write_findings"],
    },
)
