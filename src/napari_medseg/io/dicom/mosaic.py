"""Siemens mosaics: all slices of a volume as tiles of one large image, left to right and top to bottom."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_medseg.io.dicom import attributes as tags
from napari_medseg.io.dicom.csa import Csa, csa_numbers, read_csa
from napari_medseg.io.dicom.frame_facts import triple
from napari_medseg.io.dicom.instance import Instance, Tile, Triple
from napari_medseg.io.dicom.position import slice_normal

if TYPE_CHECKING:
    from napari_medseg.io.dicom.elements import HeaderElements

_MOST_TILES = 4096
_PARALLEL = 0.99


def is_mosaic(image: Instance) -> bool:
    """Whether an image is a mosaic of slices."""
    return "MOSAIC" in image.image_type and image.modality == "MR" and image.n_frames == 1


def slices_of_mosaic(whole: Instance, elements: HeaderElements) -> list[Instance]:
    """Return the slices of a mosaic, each where it lies.

    The header gives the position that the mosaic would have if it were one large slice about the centre of the
    first; the CSA header tells how many slices there are, and along which normal they follow one another.

    Where the header does not tell how the slices lie in the image, it is returned as it is, to be refused.
    """
    csa = read_csa(elements.values.get(tags.SIEMENS_CSA_IMAGE_HEADER, (None, b""))[1])
    n_slices = int(next(iter(csa_numbers(csa, "NumberOfImagesInMosaic")), 0))
    n_slices = n_slices or elements.integer(tags.SIEMENS_IMAGES_IN_MOSAIC) or 0
    stored = whole.pixel_format
    across = math.isqrt(max(n_slices - 1, 0)) + 1
    if not 0 < n_slices <= _MOST_TILES or stored.rows % across or stored.columns % across:
        return [whole]
    rows, columns = stored.rows // across, stored.columns // across
    tiles = [Tile(n // across * rows, n % across * columns, rows, columns) for n in range(n_slices)]
    told = _diffusion(whole, csa)
    if not whole.is_placed:
        return [replace(whole, tile=tile, slice_location=float(n), **told) for n, tile in enumerate(tiles)]
    first = _first_position(whole, rows, columns)
    step = _step(whole, csa)
    if step is None:
        return [whole]
    return [replace(whole, tile=tile, position=_moved(first, step, n), **told) for n, tile in enumerate(tiles)]


def _first_position(whole: Instance, rows: int, columns: int) -> Triple:
    """Return the centre of the first pixel of the first slice."""
    rows_mm, columns_mm = whole.pixel_spacing or (1.0, 1.0)
    right = (whole.pixel_format.columns - columns) / 2 * columns_mm
    down = (whole.pixel_format.rows - rows) / 2 * rows_mm
    along_row, along_column = whole.row_direction or (1.0, 0.0, 0.0), whole.column_direction or (0.0, 1.0, 0.0)
    return _moved(_moved(whole.position or (0.0, 0.0, 0.0), along_row, right), along_column, down)


def _step(whole: Instance, csa: Csa) -> Triple | None:
    """Return the vector from one slice to the next in mm, or None if it is not told along which normal."""
    a, b, c = slice_normal(whole)
    told = triple(csa_numbers(csa, "SliceNormalVector")) or (a, b, c)
    along = told[0] * a + told[1] * b + told[2] * c
    if abs(along) < _PARALLEL:
        return None
    length = math.copysign(whole.slice_spacing or whole.slice_thickness or 1.0, along)
    return (a * length, b * length, c * length)


def _moved(start: Triple, vector: Triple, times: float) -> Triple:
    return (start[0] + vector[0] * times, start[1] + vector[1] * times, start[2] + vector[2] * times)


def _diffusion(whole: Instance, csa: Csa) -> dict[str, Any]:
    """Return b-value and gradient from the CSA header, where the plain elements do not tell them."""
    b_values = csa_numbers(csa, "B_value")
    gradient = triple(csa_numbers(csa, "DiffusionGradientDirection"))
    told: dict[str, Any] = {}
    if whole.b_value is None and b_values and b_values[0] >= 0:
        told["b_value"] = b_values[0]
    if whole.gradient is None and gradient is not None and any(gradient):
        told["gradient"] = gradient
    return told
