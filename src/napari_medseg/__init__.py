"""Open medical scans in napari, segment them, correct by hand, and save labels that lie where they belong.

The names below are imported when first used, so that ``import napari_medseg`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from napari_medseg.inference import load_model
    from napari_medseg.io import (
        open_study,
        read_segmentation,
        read_segmentations,
        read_volume,
        write_probabilities,
        write_segmentation,
        write_volume,
    )
    from napari_medseg.models import ModelCard, list_models

__version__ = "0.1.0"

_HOMES = {
    "Affine": "core.affine",
    "BoxPrompt": "core.prompt",
    "CancelToken": "core.progress",
    "Cancelled": "core.progress",
    "Code": "core.segmentation",
    "Geometry": "core.geometry",
    "LoadOptions": "core.options",
    "MedsegError": "core.errors",
    "ModelCard": "models",
    "Segment": "core.segmentation",
    "Segmentation": "core.segmentation",
    "Series": "core.study",
    "Study": "core.study",
    "Volume": "core.volume",
    "Window": "core.volume",
    "list_models": "models",
    "load_model": "inference",
    "open_study": "io",
    "read_segmentation": "io",
    "read_segmentations": "io",
    "read_volume": "io",
    "write_probabilities": "io",
    "write_segmentation": "io",
    "write_volume": "io",
}

__all__ = [
    "Affine",
    "BoxPrompt",
    "CancelToken",
    "Cancelled",
    "Code",
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
    "write_probabilities",
    "write_segmentation",
    "write_volume",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
