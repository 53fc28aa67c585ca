"""What the header of one image tells about how the series is to be looked at, read when a series is loaded."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.dataelem import RawDataElement

from napari_medseg.core.volume import Window
from napari_medseg.io.dicom.converted import with_converted
from napari_medseg.io.dicom.file_header import UNREADABLE, read_dataset_without_pixels
from napari_medseg.io.dicom.lut import is_little, is_signed
from napari_medseg.io.dicom.overlays import has_overlays
from napari_medseg.io.dicom.rescale import slope_and_intercept
from napari_medseg.io.dicom.windows import windows_in_tables

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from napari_medseg.io.dicom.instance import Instance

_OVERLAY_NOTE = (
    "The images carry drawings (overlays) apart from their pixels; reading an image as labels gives those of it."
)


@dataclass(frozen=True)
class Presentation:
    """How to look at an image.

    Parameters
    ----------
    windows : tuple of Window
        Of the header; where it has none, those of its VOI lookup tables.
    padding : tuple of float or None
        Lowest and highest rescaled value that means "nothing was measured here" (PS3.3 C.7.5.1.1.2).
    notes : tuple of str
        What the user should know.
    """

    windows: tuple[Window, ...] = ()
    padding: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def presentation_of(image: Instance) -> Presentation:
    """Read how to look at an image; what cannot be read is left out, for the voxels do not depend on it."""
    if image.pixel_format.is_colour:
        return Presentation()
    try:
        dataset = with_converted(read_dataset_without_pixels(image.path, frames=not image.is_multiframe_object))
    except UNREADABLE:
        return Presentation(image.windows)
    windows, padding = image.windows, None
    with suppress(*UNREADABLE):
        padding = _padding(dataset, image)
    if not windows:
        with suppress(*UNREADABLE):
            windows = windows_in_tables(dataset, values_are_signed=(image.intercept or 0) < 0)
    return Presentation(windows, padding, (_OVERLAY_NOTE,) if has_overlays(dataset) else ())


def _padding(dataset: Dataset, image: Instance) -> tuple[float, float] | None:
    if image.has_modality_lut:
        return None
    if image.pixel_format.floating:
        found = [dataset.get(name) for name in ("FloatPixelPaddingValue", "DoubleFloatPixelPaddingValue")]
        value = next((float(number) for number in found if number is not None), None)
        limit = None
    else:
        value, limit = (_stored_value(dataset, name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit"))
    if value is None:
        return None
    slope, intercept = slope_and_intercept(image)
    ends = [end * slope + intercept for end in (value, value if limit is None else limit)]
    return min(ends), max(ends)


def _stored_value(dataset: Dataset, keyword: str) -> float | None:
    """Return a value of US or SS; which of the two is the sign of the pixels, whatever the element says."""
    if keyword not in dataset:
        return None
    item: Any = dataset.get_item(keyword)
    if isinstance(item, RawDataElement):
        stored = (item.value or b"")[:2]
        code = f"{'<' if is_little(dataset) else '>'}{'h' if is_signed(dataset) else 'H'}"
        return float(struct.unpack(code, stored)[0]) if len(stored) == 2 else None
    return float(item.value)
