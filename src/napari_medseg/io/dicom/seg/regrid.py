"""Labels carried from the grid of a file to that of a scan, where the two differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry

_ROUND_OFF = 1e-6
"""Voxels; a centre midway between two voxels, up to this, gets the one of the higher index."""


def regrid(labels: npt.NDArray[Any], own: Geometry, target: Geometry) -> npt.NDArray[Any]:
    """Return labels on another grid: every voxel takes the label at its centre, 0 outside.

    Parameters
    ----------
    labels : ndarray, shape (i, j, k)
        On their own grid.
    own, target : Geometry
        Where they lie, and where they shall.

    Returns
    -------
    ndarray
        Of the target's shape, slices contiguous in memory.
    """
    to_own: FloatArray = np.linalg.inv(own.affine) @ target.affine
    i, j, k = target.shape
    result = np.zeros((k, j, i), labels.dtype).transpose(2, 1, 0)
    along_i, along_j = np.arange(i, dtype=np.float64)[:, np.newaxis], np.arange(j, dtype=np.float64)
    for n in range(k):
        start = to_own[:3, 2] * n + to_own[:3, 3]
        places = [
            np.floor(to_own[axis, 0] * along_i + to_own[axis, 1] * along_j + start[axis] + 0.5 + _ROUND_OFF)
            for axis in range(3)
        ]
        inside = np.ones((i, j), bool)
        for place, length in zip(places, labels.shape, strict=True):
            inside &= (place >= 0) & (place < length)
        if inside.any():
            index = tuple(place[inside].astype(np.intp) for place in places)
            result[:, :, n][inside] = labels[index]
    return result


def count_outside(labels: npt.NDArray[Any], own: Geometry, target: Geometry) -> tuple[int, int]:
    """Return how many labelled voxels have their centres outside of another grid, and how many there are."""
    to_target: FloatArray = np.linalg.inv(target.affine) @ own.affine
    outside = total = 0
    for n in range(labels.shape[2]):
        where = np.argwhere(labels[:, :, n])
        points = where @ to_target[:3, :2].T + to_target[:3, 2] * n + to_target[:3, 3]
        beyond = (points < -0.5 - _ROUND_OFF) | (points > np.array(target.shape) - 0.5 + _ROUND_OFF)
        outside += int(beyond.any(axis=1).sum())
        total += len(where)
    return outside, total
