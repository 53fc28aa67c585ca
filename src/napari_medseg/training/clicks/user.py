"""The standard simulated user: first a click in the object's middle, then one in the middle of the largest error.

As in the interactive segmentation literature (Xu et al., CVPR 2016; Sofiiuk et al., ICIP 2022): the middle is the voxel
farthest from the border of the part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

BoolArray = npt.NDArray[np.bool_]
Voxel = tuple[int, ...]

_MISSING, _TOO_MUCH = 1, 2


def first_click(truth: BoolArray, spacing: Sequence[float] | None = None) -> Voxel | None:
    """Return the middle of an object's largest part; None if it has no voxel.

    Parameters
    ----------
    truth : ndarray of bool
        The object, of two or three axes.
    spacing : sequence of float, optional
        Distance between voxels along each axis; equal if None.
    """
    return _middle_of_largest(truth.astype(np.uint8), spacing)


def next_click(truth: BoolArray, mask: BoolArray, spacing: Sequence[float] | None = None) -> tuple[Voxel, bool] | None:
    """Return the middle of the largest error and whether something is missing there; None if there is no error."""
    errors = np.zeros(truth.shape, np.uint8)
    errors[truth & ~mask] = _MISSING
    errors[mask & ~truth] = _TOO_MUCH
    at = _middle_of_largest(errors, spacing)
    return None if at is None else (at, bool(errors[at] == _MISSING))


def dice(truth: BoolArray, mask: BoolArray) -> float:
    """Return the Dice of two masks; 1 if both are empty."""
    both = np.count_nonzero(truth) + np.count_nonzero(mask)
    return 2 * np.count_nonzero(truth & mask) / both if both else 1.0


def middle_of(part: BoolArray, spacing: Sequence[float] | None = None) -> Voxel:
    """Return the voxel of a part that is farthest from its border; the image's border counts too."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(part, 1), sampling=spacing)
    return tuple(int(at) - 1 for at in np.unravel_index(int(np.argmax(depth)), depth.shape))


def _middle_of_largest(codes: npt.NDArray[np.uint8], spacing: Sequence[float] | None) -> Voxel | None:
    """Return the middle of the largest connected part of one code."""
    import cc3d

    found = [
        np.flatnonzero(codes.any(axis=tuple(n for n in range(codes.ndim) if n != axis))) for axis in range(codes.ndim)
    ]
    if not found[0].size:
        return None
    box = tuple(slice(int(at[0]), int(at[-1]) + 1) for at in found)
    parts = cc3d.connected_components(codes[box], connectivity=26 if codes.ndim == 3 else 8)
    statistics = cc3d.statistics(parts)
    largest = int(np.argmax(statistics["voxel_counts"][1:])) + 1
    own = statistics["bounding_boxes"][largest]
    at = middle_of(parts[own] == largest, spacing)
    return tuple(a + b.start + c.start for a, b, c in zip(at, own, box, strict=True))
