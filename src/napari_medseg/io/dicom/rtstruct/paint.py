"""Voxels inside contours.

A voxel belongs to a region if its centre, moved along the normal of the contours onto the nearest of their planes,
lies inside an odd number of the contours there, or on one of them. It is moved by half the distance between planes at
most: their own where it is up to three times that of the slices, else that of the slices, since a plane that is left
out means that nothing is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.io.dicom.rtstruct.fill import contains, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.io.dicom.rtstruct.planes import ContourPlane, ContourStack

_THICKEST = 3.01
_ROUND_OFF = 1e-3
_PARALLEL = 1e-6

Part = tuple[tuple[Any, ...], npt.NDArray[np.bool_]]
"""Index of a part of a label map, and its voxels to paint."""


def lps_matrix(geometry: Geometry) -> FloatArray:
    """Return voxel → LPS mm."""
    matrix: FloatArray = np.diag([-1.0, -1.0, 1.0, 1.0]) @ geometry.affine
    return matrix


def slice_normal(geometry: Geometry) -> FloatArray:
    """Return the unit normal of the slices in LPS, on the side to which k grows."""
    matrix = lps_matrix(geometry)
    normal: FloatArray = np.cross(matrix[:3, 0], matrix[:3, 1])
    normal /= np.linalg.norm(normal)
    return normal if normal @ matrix[:3, 2] > 0 else -normal


def slice_distances_mm(geometry: Geometry) -> FloatArray:
    """Return where slices lie along their normal, from the origin, shape (k,)."""
    matrix, normal = lps_matrix(geometry), slice_normal(geometry)
    distances: FloatArray = np.arange(geometry.shape[2]) * (matrix[:3, 2] @ normal) + matrix[:3, 3] @ normal
    return distances


def parts_inside(
    stack: ContourStack, geometry: Geometry, true_distances_mm: FloatArray | None = None
) -> Iterator[Part]:
    """Yield the voxels inside the contours of a stack, slice by slice.

    Parameters
    ----------
    stack : ContourStack
        The contours.
    geometry : Geometry
        The grid of the scan.
    true_distances_mm : ndarray, shape (k,), optional
        Where the slices truly lie along their normal, if they are uneven: contours on a slice then fall on it.
    """
    reach = thickness_mm(stack, geometry) / 2
    normal = slice_normal(geometry)
    parallel = np.linalg.norm(stack.normal - normal) <= _PARALLEL
    distances = stack.distances_mm
    on_grid = slice_distances_mm(geometry)
    if parallel and true_distances_mm is not None and geometry.shape[2] > 1:
        distances = np.interp(distances, true_distances_mm, on_grid) + _beyond(distances, true_distances_mm)
    if not parallel:
        yield from _oblique(stack, geometry, reach)
        return
    for k in range(geometry.shape[2]):
        n = _nearest(distances, on_grid[k : k + 1], reach)[0]
        if n >= 0:
            yield from _aligned(stack, stack.planes[n], geometry, k, float(on_grid[k]))


def thickness_mm(stack: ContourStack, geometry: Geometry) -> float:
    """Return how much of the normal the contours of one plane stand for."""
    matrix = lps_matrix(geometry)
    step = float(np.abs(stack.normal @ matrix[:3, :3]).max())
    gaps = np.diff(stack.distances_mm)
    own = float(gaps.min()) if gaps.size else step
    return own if step < own <= _THICKEST * step else step


def _beyond(distances: FloatArray, known: FloatArray) -> FloatArray:
    """Return how far distances lie outside of a range."""
    beyond: FloatArray = np.minimum(distances - known[0], 0) + np.maximum(distances - known[-1], 0)
    return beyond


def _nearest(planes: FloatArray, places: FloatArray, reach: float) -> npt.NDArray[np.intp]:
    """Return the plane nearest to each place, the lower of two, or -1 if none is within reach."""
    tolerance = _ROUND_OFF * reach
    middles = (planes[1:] + planes[:-1]) / 2
    nearest = np.searchsorted(middles, places - tolerance, side="left")
    away = places - planes[nearest]
    return np.where((away > -reach + tolerance) & (away <= reach + tolerance), nearest, -1)


def _aligned(stack: ContourStack, plane: ContourPlane, geometry: Geometry, k: int, distance: float) -> Iterator[Part]:
    """Yield the voxels of a slice that lies along the contours."""
    to_voxel = np.linalg.inv(lps_matrix(geometry))
    polygons = []
    for points in plane.polygons:
        moved = points + np.outer(distance - points @ stack.normal, stack.normal)
        polygons.append(moved @ to_voxel[:2, :3].T + to_voxel[:2, 3])
    corners = np.concatenate(polygons)
    low = np.clip(np.floor(corners.min(axis=0)), 0, geometry.shape[:2]).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, geometry.shape[:2]).astype(int)
    if (high <= low).any():
        return
    inside = fill([polygon - low for polygon in polygons], (int(high[0] - low[0]), int(high[1] - low[1])))
    yield (slice(low[0], high[0]), slice(low[1], high[1]), k), inside


def _oblique(stack: ContourStack, geometry: Geometry, reach: float) -> Iterator[Part]:
    """Yield the voxels of slices that cut through the planes of the contours."""
    low, high = _box_around(stack, geometry, reach)
    for k in range(low[2], high[2]):
        inside = _cut(stack, lps_matrix(geometry), (low[0], low[1], k), (high[0] - low[0], high[1] - low[1]), reach)
        if inside.any():
            yield (slice(low[0], high[0]), slice(low[1], high[1]), k), inside


def _box_around(stack: ContourStack, geometry: Geometry, reach: float) -> tuple[list[int], list[int]]:
    """Return the first voxel, and the one behind the last, of a box that holds everything within reach."""
    to_voxel = np.linalg.inv(lps_matrix(geometry))
    corners = np.concatenate([points for plane in stack.planes for points in plane.polygons])
    corners = np.concatenate([corners - reach * stack.normal, corners + reach * stack.normal])
    voxels = corners @ to_voxel[:3, :3].T + to_voxel[:3, 3]
    low = np.clip(np.floor(voxels.min(axis=0)), 0, geometry.shape).astype(int)
    high = np.clip(np.ceil(voxels.max(axis=0)) + 1, low, geometry.shape).astype(int)
    return low.tolist(), high.tolist()


def _cut(
    stack: ContourStack, matrix: FloatArray, start: tuple[int, int, int], shape: tuple[int, int], reach: float
) -> npt.NDArray[np.bool_]:
    """Return which voxels of a part of a slice, from `start`, lie inside."""
    i, j = np.meshgrid(np.arange(shape[0]) + start[0], np.arange(shape[1]) + start[1], indexing="ij")
    origin = matrix[:3, 2] * start[2] + matrix[:3, 3]
    places = matrix[:3, 0] * i[..., np.newaxis] + matrix[:3, 1] * j[..., np.newaxis] + origin
    nearest = _nearest(stack.distances_mm, places @ stack.normal, reach)
    basis = _basis(stack.normal)
    inside = np.zeros(shape, bool)
    for n in np.unique(nearest[nearest >= 0]):
        polygons = [points @ basis for points in stack.planes[n].polygons]
        corners = np.concatenate(polygons)
        here = np.argwhere(nearest == n)
        flat = places[here[:, 0], here[:, 1]] @ basis
        near = ((flat >= corners.min(axis=0)) & (flat <= corners.max(axis=0))).all(axis=1)
        here, flat = here[near], flat[near]
        inside[here[:, 0], here[:, 1]] = contains(polygons, flat)
    return inside


def _basis(normal: FloatArray) -> FloatArray:
    """Return two unit vectors at right angles to a normal and each other, as columns."""
    along = np.eye(3)[np.abs(normal).argmin()]
    first = np.cross(normal, along)
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first)], axis=1)
