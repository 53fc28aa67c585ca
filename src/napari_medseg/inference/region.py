"""The part of the work grid that has to be computed, and the part of the scan that it needs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.grid import WorkGrid, box_in_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.core.prompt import BoxPrompt
    from napari_medseg.inference.windows import Shape3

Region = tuple[slice, slice, slice]

_CONTEXT = 0.25
"""Part of a window that is read around a box, at the least, so that a structure at its edge is seen whole."""


def whole(shape: Shape3) -> Region:
    """Return the region that is the whole grid."""
    return slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2])


def shape_of(region: Region) -> Shape3:
    """Return the number of voxels of a region along each axis."""
    i, j, k = (part.stop - part.start for part in region)
    return i, j, k


def boxes_in_scan(boxes: Sequence[BoxPrompt], geometry: Geometry) -> list[Region]:
    """Return the voxels of the scan in each box.

    Raises
    ------
    MedsegError
        If no box holds a voxel.
    """
    regions = [box.voxels(geometry) for box in boxes]
    regions = [region for region in regions if min(shape_of(region)) > 0]
    if boxes and not regions:
        raise MedsegError("The box lies outside the scan.", "Draw it over the image.")
    return regions


def region_for_boxes(regions: Sequence[Region], geometry: Geometry, grid: WorkGrid, window: Shape3) -> Region:
    """Return the region of the work grid around boxes of the scan, with context; the whole grid without boxes."""
    shape = grid.geometry.shape
    if not regions:
        return whole(shape)
    scan_to_work = (grid.geometry.voxel_to_ras.inverse() @ geometry.voxel_to_ras).matrix
    lows, highs = [], []
    for region in regions:
        low = np.array([part.start for part in region], dtype=np.float64)
        high = np.array([part.stop - 1 for part in region], dtype=np.float64)
        low, high = box_in_grid(low, high, scan_to_work)
        lows.append(low)
        highs.append(high)
    return _with_context(np.min(lows, axis=0), np.max(highs, axis=0), shape, window)


def source_part(region: Region, grid: WorkGrid) -> Region:
    """Return the part of the reoriented scan that a region of the work grid is made from, smoothing included."""
    low = np.array([part.start for part in region], dtype=np.float64)
    high = np.array([part.stop - 1 for part in region], dtype=np.float64)
    matrix = grid.work_to_source
    low, high = box_in_grid(low, high, matrix)
    margin = 2 + 2 * np.abs(matrix[:3, :3]).max(axis=1)
    return clipped(low - margin, high + margin, grid.source.shape)


def clipped(low: FloatArray, high: FloatArray, shape: Shape3) -> Region:
    """Return the voxels from `low` to `high`, rounded outwards and clipped; at least one along each axis."""
    parts = []
    for a, b, n in zip(low, high, shape, strict=True):
        start = min(max(math.floor(a), 0), n - 1)
        parts.append(slice(start, max(min(math.ceil(b) + 1, n), start + 1)))
    return parts[0], parts[1], parts[2]


def translation(region: Region) -> FloatArray:
    """Return the matrix (4, 4) from voxels of a region to voxels of the grid that it is a part of."""
    matrix = np.eye(4)
    matrix[:3, 3] = [part.start for part in region]
    return matrix


def inverted(matrix: FloatArray) -> FloatArray:
    """Return the matrix (4, 4) for the way back."""
    return np.linalg.inv(matrix).astype(np.float64, copy=False)


def _with_context(low: FloatArray, high: FloatArray, shape: Shape3, window: Shape3) -> Region:
    parts = []
    for a, b, n, size in zip(low, high, shape, window, strict=True):
        margin = max(_CONTEXT * size, (size - (b - a + 1)) / 2)
        start = min(max(math.floor(a - margin), 0), max(n - size, 0))
        stop = max(min(math.ceil(b + margin) + 1, n), min(start + size, n))
        parts.append(slice(start, stop))
    return parts[0], parts[1], parts[2]
