"""Open medical scans in napari, segment them, correct by hand, and save labels that lie where they belong.

The names below are imported when first used, so that ``import napari_medseg`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazy_loader import attach

if TYPE_CHECKING:
    from napari_medseg.core.affine import Affine
    from napari_medseg.core.errors import MedsegError
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.options import LoadOptions
    from napari_medseg.core.progress import Cancelled, CancelToken
    from napari_medseg.core.prompt import BoxPrompt
    from napari_medseg.core.segmentation import Code, Segment, Segmentation
    from napari_medseg.core.study import Series, Study
    from napari_medseg.core.volume import Volume, Window
    from napari_medseg.inference import load_model, stack_channels
    from napari_medseg.io import (
        open_study,
        read_segmentation,
        read_segmentations,
        read_volume,
        write_probabilities,
        write_segmentation,
        write_volume,
    )
    from napari_medseg.io.dicom.deidentify import DeidentifyOptions, write_deidentified_copy
    from napari_medseg.models import ModelCard, list_models

__version__ = "0.1.0"

__all__ = [
    "Affine",
    "BoxPrompt",
    "CancelToken",
    "Cancelled",
    "Code",
    "DeidentifyOptions",
    "Geometry",
    "LoadOptions",
    "MedsegError",
    "ModelCard",
    "Segment",
    "Segmentation",
    "Series",
    "Study",
    "Volume",
    "Window",
    "__version__",
    "list_models",
    "load_model",
    "open_study",
    "read_segmentation",
    "read_segmentations",
    "read_volume",
    "stack_channels",
    "write_deidentified_copy",
    "write_probabilities",
    "write_segmentation",
    "write_volume",
]

__getattr__, __dir__, _ = attach(
    __name__,
    submod_attrs={
        "core.affine": ["Affine"],
        "core.prompt": ["BoxPrompt"],
        "core.progress": ["CancelToken", "Cancelled"],
        "core.segmentation": ["Code", "Segment", "Segmentation"],
        "core.geometry": ["Geometry"],
        "core.options": ["LoadOptions"],
        "core.errors": ["MedsegError"],
        "models": ["ModelCard", "list_models"],
        "core.study": ["Series", "Study"],
        "core.volume": ["Volume", "Window"],
        "inference": ["load_model", "stack_channels"],
        "io": [
            "open_study",
            "read_segmentation",
            "read_segmentations",
            "read_volume",
            "write_probabilities",
            "write_segmentation",
            "write_volume",
        ],
        "io.dicom.deidentify": ["DeidentifyOptions", "write_deidentified_copy"],
    },
)
