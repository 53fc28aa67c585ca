"""The size of a pixel in an ultrasound image, told by its regions (PS3.3 C.8.5.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_medseg.io.dicom import attributes as tags
from napari_medseg.io.dicom import functional_groups as region

if TYPE_CHECKING:
    from napari_medseg.io.dicom.elements import HeaderElements

_PICTURE = 1
_CENTIMETRES = 3
_SAME = 1e-4
"""Regions whose pixels differ by a smaller part are of one size."""


def spacing_of_regions(elements: HeaderElements) -> tuple[float, float] | None:
    """Return the distance between rows and between columns in mm, if all pictures in the image share it.

    Regions of curves and spectra are passed over: along their axes lie time and velocity.
    """
    found = [_spacing(replace(elements, values=one)) for one in region.read_items(elements, tags.ULTRASOUND_REGIONS)]
    sizes = [size for size in found if size is not None]
    if not sizes or any(abs(a - b) > _SAME * b for size in sizes for a, b in zip(size, sizes[0], strict=True)):
        return None
    return sizes[0]


def _spacing(one: HeaderElements) -> tuple[float, float] | None:
    if one.integer(region.REGION_FORMAT) != _PICTURE:
        return None
    if {one.integer(region.REGION_UNITS_X), one.integer(region.REGION_UNITS_Y)} != {_CENTIMETRES}:
        return None
    across, down = one.number(region.REGION_DELTA_X, "FD"), one.number(region.REGION_DELTA_Y, "FD")
    return (abs(down) * 10, abs(across) * 10) if across and down else None
