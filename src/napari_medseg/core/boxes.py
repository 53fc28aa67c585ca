"""Boxes of findings in two conventions, and the one place where one becomes the other.

A `Segment` tells its box in continuous voxel coordinates, in which the whole number is the *centre* of a voxel, so that
``geometry.ijk_to_ras`` gives its corners in mm. Networks, RSNA's tables and COCO's files count pixel *edges*: the first
pixel reaches from 0 to 1. The two differ by half a pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_medseg.core.segmentation import Box

PixelBox = tuple[float, float, float, float]
"""(x_min, y_min, x_max, y_max) at pixel edges: x along i (columns), y along j (rows) of an image of one slice."""


def box_from_pixels(edges: PixelBox) -> Box:
    """Return pixel edges as the box of a segment; it fills the one slice (k = 0)."""
    x_min, y_min, x_max, y_max = edges
    return (x_min - 0.5, y_min - 0.5, -0.5, x_max - 0.5, y_max - 0.5, 0.5)


def box_to_pixels(box: Box) -> PixelBox:
    """Return the box of a segment as pixel edges; k is left out."""
    i_min, j_min, _, i_max, j_max, _ = box
    return (i_min + 0.5, j_min + 0.5, i_max + 0.5, j_max + 0.5)


def mask_bounds(mask: npt.NDArray[np.bool_]) -> PixelBox | None:
    """Return the box of a mask (rows, columns) as edges of pixels; None if it is empty."""
    across, down = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not across.size:
        return None
    return float(across[0]), float(down[0]), float(across[-1] + 1), float(down[-1] + 1)
