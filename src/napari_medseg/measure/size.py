"""How large segments are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.segmentation import label_counts

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
    if array.size and array.dtype.kind == "i" and int(array.min()) < 0:
        raise ValueError("Labels are not negative.")
    voxel_ml = abs(float(np.linalg.det(np.asarray(affine, dtype=np.float64)[:3, :3]))) / _MM3_PER_ML
    return {label: count * voxel_ml for label, count in label_counts(array).items() if label}
