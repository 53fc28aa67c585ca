"""Images on a finer or coarser grid of the same extent, by cubic splines, as nnU-Net brings them there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_medseg.core.affine import FloatArray
    from napari_medseg.inference.region import Region
    from napari_medseg.inference.windows import Shape3

_AT_ONCE = 32
"""Voxels of the new axis that are computed together."""

_NOTHING = 1e-8
"""A spline reaches everywhere, and falls to a quarter with every voxel: weights below this are left out."""


def resample_cubic(
    image: npt.NDArray[Any], shape: Shape3, region: Region, nearest_axis: int | None = None
) -> npt.NDArray[np.float32]:
    """Bring an image to another number of voxels over the same extent.

    What nnU-Net's ``resample_data_or_seg_to_shape`` does with order 3 and order_z 0: interpolating cubic B-splines
    without smoothing, cut to the range of the image, or plane by plane with the nearest plane taken across. Here it is
    done one axis after the other, a few planes at once.

    Parameters
    ----------
    image : ndarray, shape (i, j, k)
        Finite values.
    shape : tuple of int
        Of the whole new grid.
    region : tuple of slice
        The part of it that is wanted.
    nearest_axis : int, optional
        Along which the nearest plane is taken; splines along all axes if None.
    """
    values: npt.NDArray[Any] = np.asarray(image, dtype=np.float32)
    low, high = values.min(keepdims=True), values.max(keepdims=True)
    if nearest_axis is not None:
        others = tuple(axis for axis in range(3) if axis != nearest_axis)
        planes = nearest_voxels(image.shape[nearest_axis], shape[nearest_axis])[region[nearest_axis]]
        values = values.take(planes, axis=nearest_axis)
        low, high = values.min(axis=others, keepdims=True), values.max(axis=others, keepdims=True)
    # Axes that become shorter first: less is left to do along the others.
    for axis in sorted(range(3), key=lambda axis: shape[axis] / image.shape[axis]):
        if axis != nearest_axis:
            values = _along(values, axis, shape[axis], region[axis])
    cut: npt.NDArray[np.float32] = np.clip(values, low, high)
    return cut


def nearest_voxels(n_old: int, n_new: int) -> npt.NDArray[np.intp]:
    """Return which voxel of an axis is the nearest to each voxel of the same extent cut anew."""
    at = (np.arange(n_new) + 0.5) * n_old / n_new
    return np.clip(np.floor(at).astype(np.intp), 0, n_old - 1)


def _along(values: npt.NDArray[Any], axis: int, n_new: int, part: slice) -> npt.NDArray[Any]:
    n_old = values.shape[axis]
    if n_new == n_old:
        return values[tuple(part if n == axis else slice(None) for n in range(3))]
    weights = _spline_weights(n_old, n_new)[part]
    result = np.empty([len(weights) if n == axis else values.shape[n] for n in range(3)], dtype=np.float32)
    for start in range(0, len(weights), _AT_ONCE):
        rows = weights[start : start + _AT_ONCE]
        used = np.flatnonzero(np.abs(rows).max(axis=0) > _NOTHING)
        given = values[tuple(slice(used[0], used[-1] + 1) if n == axis else slice(None) for n in range(3))]
        mixed = np.tensordot(rows[:, used[0] : used[-1] + 1].astype(np.float32), given, axes=(1, axis))
        result[tuple(slice(start, start + _AT_ONCE) if n == axis else slice(None) for n in range(3))] = np.moveaxis(
            mixed, 0, axis
        )
    return result


def _spline_weights(n_old: int, n_new: int) -> FloatArray:
    """Return how much each voxel of an axis counts for each of the new ones, shape (new, old)."""
    from scipy.ndimage import zoom

    weights: FloatArray = zoom(np.eye(n_old), (n_new / n_old, 1), order=3, mode="nearest", grid_mode=True)
    return weights
