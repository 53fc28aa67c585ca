"""Where the voxels of any layer lie, and labels carried from one grid to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_medseg.core.affine import FloatArray

_SAME_PLACE = 1e-3
"""Largest difference, in voxels, at which two grids are the same."""


def layer_matrix(layer: Layer, ndim: int | None = None, *, millimetres: bool = True) -> FloatArray:
    """Return layer index → napari's world as a homogeneous matrix.

    Scale, position, rotation, shear and affine of the layer are all in it, as the user sees them now.

    Parameters
    ----------
    layer : napari.layers.Layer
        Any layer.
    ndim : int, optional
        Keep the last `ndim` axes only, as for a volume among time points.
    millimetres : bool
        Turn every unit of length into mm; otherwise the layer's own units stay.

    Returns
    -------
    ndarray, shape (ndim + 1, ndim + 1)
    """
    n = layer.ndim
    origin = np.asarray(layer.data_to_world(np.zeros(n)), dtype=np.float64)
    matrix: FloatArray = np.eye(n + 1)
    for axis, unit in enumerate(np.eye(n)):
        matrix[:n, axis] = np.asarray(layer.data_to_world(unit), dtype=np.float64) - origin
    matrix[:n, n] = origin
    if millimetres:
        matrix[:n] *= mm_per_unit(layer)[:, None]
    keep = [*range(n - (n if ndim is None else ndim), n), n]
    return matrix[np.ix_(keep, keep)]


def has_millimetres(layer: Layer) -> bool:
    """Whether the last two axes of a layer are lengths rather than pixels."""
    return all(unit.dimensionality == {"[length]": 1} for unit in layer.units[-2:])


def mm_per_unit(layer: Layer) -> FloatArray:
    """Return the length in mm of the unit of each axis of a layer; 1 for pixels, seconds and the like."""
    factors = [
        float((1 * unit).to("mm").magnitude) if unit.dimensionality == {"[length]": 1} else 1.0 for unit in layer.units
    ]
    return np.array(factors, dtype=np.float64)


@dataclass(frozen=True)
class Regridded:
    """Labels on another grid.

    Parameters
    ----------
    array : ndarray
        The labels, of the target's shape.
    n_outside : int
        Labelled voxels of the original whose centres lie outside of the target.
    moved : bool
        Whether the grids differed, so that labels had to be taken from their nearest neighbours.
    """

    array: npt.NDArray[Any]
    n_outside: int = 0
    moved: bool = False


def same_grid(a: FloatArray, b: FloatArray, shape: tuple[int, ...]) -> bool:
    """Whether two index → world matrices put every voxel of `shape` at the same place, to a thousandth of a voxel."""
    if a.shape != b.shape or len(shape) != a.shape[0] - 1:
        return False
    corners = _corners(shape)
    return bool(np.abs(_apply(np.linalg.inv(b) @ a, corners) - corners).max() <= _SAME_PLACE)


def regrid_labels(
    labels: npt.NDArray[Any],
    labels_matrix: FloatArray,
    target_matrix: FloatArray,
    target_shape: tuple[int, ...],
) -> Regridded:
    """Carry labels to the grid of a scan: untouched where the grids agree, else by nearest neighbour.

    Parameters
    ----------
    labels : ndarray, n axes
        Labels as they stand in their layer.
    labels_matrix, target_matrix : ndarray, shape (n + 1, n + 1)
        Index → world in mm of the labels and of the scan's layer.
    target_shape : tuple of int
        Shape of the scan's layer.

    Raises
    ------
    MedsegError
        If all of the labels lie outside of the scan.
    """
    if labels.shape == target_shape and same_grid(labels_matrix, target_matrix, target_shape):
        return Regridded(labels)
    to_labels: FloatArray = np.linalg.inv(labels_matrix) @ target_matrix
    to_target: FloatArray = np.linalg.inv(target_matrix) @ labels_matrix
    n_outside, n_labelled = _count_outside(labels, to_target, target_shape)
    if n_labelled and n_outside == n_labelled:
        raise MedsegError(
            "The labels lie wholly outside of the image.", "Choose the image that they were drawn on, or draw anew."
        )
    return Regridded(_nearest(labels, to_labels, target_shape), n_outside, moved=True)


def _nearest(labels: npt.NDArray[Any], to_labels: FloatArray, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Take for every target voxel the label of the nearest voxel, 0 outside; slice by slice, to bound memory."""
    result = np.zeros(shape, dtype=labels.dtype)
    rest = np.indices(shape[1:], dtype=np.float64).reshape(len(shape) - 1, -1).T
    limits = np.array(labels.shape)
    for n in range(shape[0]):
        points = np.column_stack([np.full(len(rest), float(n)), rest])
        index = np.floor(_apply(to_labels, points) + 0.5).astype(np.int64)
        inside = ((index >= 0) & (index < limits)).all(axis=1)
        plane = np.zeros(len(rest), dtype=labels.dtype)
        plane[inside] = labels[tuple(index[inside].T)]
        result[n] = plane.reshape(shape[1:])
    return result


def _count_outside(labels: npt.NDArray[Any], to_target: FloatArray, shape: tuple[int, ...]) -> tuple[int, int]:
    """Count the labelled voxels outside of the target, and all of them."""
    outside = total = 0
    for n, plane in enumerate(labels):
        where = np.argwhere(plane)
        points = np.column_stack([np.full(len(where), float(n)), where])
        index = _apply(to_target, points)
        beyond = (index < -0.5 - _SAME_PLACE) | (index > np.array(shape) - 0.5 + _SAME_PLACE)
        outside += int(beyond.any(axis=1).sum())
        total += len(where)
    return outside, total


def _corners(shape: tuple[int, ...]) -> FloatArray:
    grid: FloatArray = np.array(np.meshgrid(*[(0.0, float(n - 1)) for n in shape], indexing="ij"))
    return grid.reshape(len(shape), -1).T


def _apply(matrix: FloatArray, points: npt.NDArray[Any]) -> FloatArray:
    mapped: FloatArray = points @ matrix[:-1, :-1].T + matrix[:-1, -1]
    return mapped
