"""Networks that are shown the box that holds everything, and nothing around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.affine import Affine
from napari_medseg.core.geometry import Geometry
from napari_medseg.inference.postprocess import bounding_box
from napari_medseg.inference.region import Region, shape_of, translation, whole

if TYPE_CHECKING:
    from typing import Literal


def foreground_box(voxels: npt.NDArray[Any], crop: Literal["nonzero", "positive"] | None) -> Region:
    """Return the smallest box that holds all foreground; everything if there is none, or nothing is to be cropped.

    Parameters
    ----------
    voxels : ndarray, shape (i, j, k) or (i, j, k, channel)
        The scan; values that are not finite are no foreground. A voxel is foreground if it is in one channel.
    crop : {"nonzero", "positive"} or None
        What foreground is.
    """
    i, j, k = voxels.shape[:3]
    if crop is None:
        return whole((i, j, k))
    foreground = np.zeros((i, j, k), dtype=bool)
    for channel in [voxels] if voxels.ndim == 3 else np.moveaxis(voxels, -1, 0):
        with np.errstate(invalid="ignore"):
            foreground |= channel > 0 if crop == "positive" else (channel != 0) & np.isfinite(channel)
    return bounding_box(foreground) or whole((i, j, k))


def part_of(geometry: Geometry, box: Region) -> Geometry:
    """Return where a box of a volume lies; the volume's own geometry if the box is all of it."""
    if shape_of(box) == geometry.shape:
        return geometry
    return Geometry(shape_of(box), geometry.voxel_to_ras @ Affine(translation(box)))


def put_back(
    labels: npt.NDArray[Any], box: Region, voxels: npt.NDArray[Any], into: npt.NDArray[Any] | None = None
) -> npt.NDArray[Any]:
    """Return labels of a box as labels of the whole scan, background around them.

    Parameters
    ----------
    labels : ndarray
        Labels of the box.
    box : tuple of slice
        Where they lie.
    voxels : ndarray, shape (i, j, k)
        The scan.
    into : ndarray of zeros, shape (i, j, k), optional
        Receives and becomes the result; the labels may be a view of it.
    """
    if into is None:
        if labels.shape == voxels.shape:
            return labels
        into = np.zeros_like(voxels, dtype=labels.dtype)
    if not np.may_share_memory(labels, into):
        into[box] = labels
    return into
