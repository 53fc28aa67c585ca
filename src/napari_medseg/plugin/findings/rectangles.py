"""Boxes of findings where they are drawn: in the pixels of a labels layer, rows first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_medseg.core.boxes import mask_bounds

if TYPE_CHECKING:
    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.segmentation import Box
    from napari_medseg.plugin.frame import DisplayFrame

_SAME = 1e-3
"""Largest difference, in pixels, at which two boxes are the same."""


class Rectangle(NamedTuple):
    """A box in continuous pixel coordinates of a layer's data; a whole number is the centre of a pixel."""

    y_min: float
    x_min: float
    y_max: float
    x_max: float

    @property
    def corners(self) -> FloatArray:
        """The four corners, shape (4, 2), as a rectangle of a shapes layer."""
        return np.array(
            [
                [self.y_min, self.x_min],
                [self.y_min, self.x_max],
                [self.y_max, self.x_max],
                [self.y_max, self.x_min],
            ]
        )

    @property
    def centre(self) -> tuple[float, float]:
        """Row and column of the middle."""
        return (self.y_min + self.y_max) / 2, (self.x_min + self.x_max) / 2

    def is_same(self, other: Rectangle) -> bool:
        """Whether two boxes agree to a thousandth of a pixel."""
        return all(abs(a - b) <= _SAME for a, b in zip(self, other, strict=True))


def rectangle_around(points: npt.ArrayLike) -> Rectangle:
    """Return the upright box around points (y, x), shape (n, 2): what a turned or dented box becomes."""
    drawn = np.asarray(points, dtype=np.float64)
    (y_min, x_min), (y_max, x_max) = drawn.min(axis=0), drawn.max(axis=0)
    return Rectangle(float(y_min), float(x_min), float(y_max), float(x_max))


def rectangle_of_mask(mask: npt.NDArray[np.bool_]) -> Rectangle | None:
    """Return the box around the pixels of a mask, edges included; None if it is empty."""
    edges = mask_bounds(mask)
    if edges is None:
        return None
    x_min, y_min, x_max, y_max = edges
    return Rectangle(y_min - 0.5, x_min - 0.5, y_max - 0.5, x_max - 0.5)


def rectangle_of_box(frame: DisplayFrame, box: Box) -> Rectangle:
    """Return the box of a segment, in voxel coordinates of the scan, as it lies in a layer of that scan."""
    to_shown = np.linalg.inv(_to_scan(frame))
    ends = np.array([[*box[:3], 1.0], [*box[3:], 1.0]]) @ to_shown.T
    return rectangle_around(ends[:, list(frame.kept_axes)])


def box_of_rectangle(frame: DisplayFrame, rectangle: Rectangle) -> Box:
    """Return a box in a layer as the box of a segment; it fills the one slice."""
    ends = np.empty((2, 4))
    ends[:, :3] = [[-0.5], [0.5]]
    ends[:, 3] = 1.0
    ends[:, list(frame.kept_axes)] = [rectangle[:2], rectangle[2:]]
    at = ends @ _to_scan(frame).T
    low, high = at[:, :3].min(axis=0), at[:, :3].max(axis=0)
    return float(low[0]), float(low[1]), float(low[2]), float(high[0]), float(high[1]), float(high[2])


def _to_scan(frame: DisplayFrame) -> npt.NDArray[Any]:
    """Return the matrix from the three display axes to the voxels of the scan."""
    return frame.reorientation.target_to_source(frame.geometry.shape)
