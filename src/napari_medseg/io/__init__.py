"""Files to core values and back: open a study, read a volume, write labels.

The functions are imported when first used; DICOM and NIfTI are loaded when a file asks for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_medseg.io.door import (
        open_study,
        read_segmentation,
        read_volume,
        write_segmentation,
        write_volume,
    )

__all__ = ["open_study", "read_segmentation", "read_volume", "write_segmentation", "write_volume"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from napari_medseg.io import door

    value: object = getattr(door, name)
    globals()[name] = value
    return value
