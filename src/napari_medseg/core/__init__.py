"""Values and pure functions on numpy: nothing here knows a file format, a network or a viewer."""

from __future__ import annotations

from napari_medseg.core.affine import Affine
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry
from napari_medseg.core.options import LoadOptions
from napari_medseg.core.progress import Cancelled, CancelToken, ProgressCallback
from napari_medseg.core.prompt import BoxPrompt, ClickPrompt, LassoPrompt, PointPrompt, Prompt, ScribblePrompt
from napari_medseg.core.reorientation import Reorientation, reorientation_to
from napari_medseg.core.segmentation import Code, Segment, Segmentation
from napari_medseg.core.source import Source
from napari_medseg.core.study import Series, Study
from napari_medseg.core.volume import Volume, Window

__all__ = [
    "Affine",
    "BoxPrompt",
    "CancelToken",
    "Cancelled",
    "ClickPrompt",
    "Code",
    "Geometry",
    "LassoPrompt",
    "LoadOptions",
    "MedsegError",
    "PointPrompt",
    "ProgressCallback",
    "Prompt",
    "Reorientation",
    "ScribblePrompt",
    "Segment",
    "Segmentation",
    "Series",
    "Source",
    "Study",
    "Volume",
    "Window",
    "reorientation_to",
]
