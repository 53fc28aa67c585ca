"""One plane as a small grey picture, the way a radiologist looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.reorientation import reorientation_to

if TYPE_CHECKING:
    from napari_medseg.core.geometry import Geometry


def thumbnail_of_plane(
    plane: npt.NDArray[Any],
    geometry: Geometry,
    size: int,
    limits: tuple[float, float] | None = None,
) -> npt.NDArray[np.uint8]:
    """Turn a plane of constant k into a picture with square pixels.

    Axial planes are seen from the feet, sagittal and coronal ones upright.

    Parameters
    ----------
    plane : ndarray, shape (i, j) or (i, j, n)
        Intensities; colours are averaged.
    geometry : Geometry
        Of the whole volume.
    size : int
        Longer side of the picture in pixels.
    limits : tuple of float, optional
        Intensities shown black and white; by default the 1st and 99th percentile.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
    """
    grey = np.abs(plane) if np.iscomplexobj(plane) else plane
    if grey.ndim == 3:
        grey = grey[..., :3].mean(axis=-1)
    reorientation = reorientation_to(geometry, "SPL")
    across = reorientation.axes.index(2)
    upright = reorientation.apply(grey[:, :, np.newaxis])
    spacing = [geometry.spacing_mm[axis] for n, axis in enumerate(reorientation.axes) if n != across]
    picture = np.squeeze(upright, axis=across)
    if across != 0:  # the rows of sagittal and coronal planes lead to the head; pictures start at the top
        picture = picture[::-1]
    return _to_grey(_resized(picture, spacing, size), limits)


def _resized(picture: npt.NDArray[Any], spacing: list[float], size: int) -> npt.NDArray[Any]:
    extent = np.array(picture.shape) * np.array(spacing)
    lengths = np.maximum(np.round(extent / extent.max() * size), 1).astype(int)
    rows, columns = (
        np.minimum(((np.arange(n) + 0.5) * picture.shape[axis] / n).astype(int), picture.shape[axis] - 1)
        for axis, n in enumerate(lengths)
    )
    return picture[np.ix_(rows, columns)]


def _to_grey(picture: npt.NDArray[Any], limits: tuple[float, float] | None) -> npt.NDArray[np.uint8]:
    values = np.nan_to_num(picture.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = limits if limits is not None else np.percentile(values, (1, 99))
    scaled = (values - low) / max(float(high - low), 1e-6)
    return (np.clip(scaled, 0.0, 1.0) * 255).astype(np.uint8)
