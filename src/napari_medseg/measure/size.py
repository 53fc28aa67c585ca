"""How large segments are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_VOXELS_AT_ONCE = 1 << 20
_MM3_PER_ML = 1000.0


def segment_volumes_ml(array: npt.NDArray[Any], affine: npt.ArrayLike) -> dict[int, float]:
    """Return the volume of every label that occurs.

    Parameters
    ----------
    array : ndarray of unsigned integers, any shape
        Labels; 0 is background.
    affine : array_like, shape (4, 4)
        Voxel to millimetres; also oblique or sheared.

    Returns
    -------
    dict of int to float
        Millilitres by label, ascending.

    Raises
    ------
    ValueError
        If the labels are not integers, or negative.
    """
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
    if array.dtype.kind not in "ui":
        raise ValueError(f"Labels are integers, not {array.dtype}.")
    voxel_ml = abs(float(np.linalg.det(np.asarray(affine, dtype=np.float64)[:3, :3]))) / _MM3_PER_ML
    return {label: count * voxel_ml for label, count in _count(array).items() if label}


def _count(array: npt.NDArray[Any]) -> dict[int, int]:
    if array.size and array.dtype.kind == "i" and int(array.min()) < 0:
        raise ValueError("Labels are not negative.")
    highest = int(array.max(initial=0))
    if highest >= _VOXELS_AT_ONCE:  # too sparse for a table
        labels, counts = np.unique(array, return_counts=True)
        return {int(label): int(count) for label, count in zip(labels, counts, strict=True)}
    table = np.zeros(highest + 1, dtype=np.int64)
    flat = array.ravel(order="K")
    for start in range(0, flat.size, _VOXELS_AT_ONCE):  # bincount widens to int64: not the whole scan at once
        table += np.bincount(flat[start : start + _VOXELS_AT_ONCE].astype(np.intp), minlength=highest + 1)
    return {int(label): int(table[label]) for label in np.flatnonzero(table)}
