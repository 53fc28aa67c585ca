"""A scan as a network reads it: on the work grid, with the card's intensities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_medseg.inference.region import Region, shape_of, source_part, translation, whole
from napari_medseg.inference.resample import resample_image
from napari_medseg.inference.voxels import finite_float32, lowest_finite
from napari_medseg.models.intensity import apply_intensity

if TYPE_CHECKING:
    from napari_medseg.inference.grid import WorkGrid
    from napari_medseg.models.intensity_rule import IntensityRule


def work_voxels(voxels: npt.NDArray[Any], grid: WorkGrid, region: Region, intensity: IntensityRule) -> npt.NDArray[Any]:
    """Return a region of the work grid, as a view of the scan where nothing has to be computed.

    Parameters
    ----------
    voxels : ndarray, shape (i, j, k)
        The scan, in its own axes.
    grid : WorkGrid
        What the network works on.
    region : tuple of slice
        The part of it that is wanted.
    intensity : IntensityRule
        Applied here unless its scope is the window; then windows are normalised when they are read.

    Returns
    -------
    ndarray
        In the axes of the work grid.
    """
    source = grid.reorientation.apply(voxels)
    if intensity.scope == "volume":
        values = torch.from_numpy(finite_float32(source, lowest_finite(source)))
        source = apply_intensity(intensity, values).numpy()
    if intensity.scope == "resampled":
        whole_grid = _resampled(source, grid, whole(grid.geometry.shape))
        whole_grid = finite_float32(whole_grid, lowest_finite(whole_grid))
        normalised: npt.NDArray[Any] = apply_intensity(intensity, torch.from_numpy(whole_grid)).numpy()
        return normalised[region]
    return _resampled(source, grid, region)


def _resampled(source: npt.NDArray[Any], grid: WorkGrid, region: Region) -> npt.NDArray[Any]:
    if not grid.is_resampled:
        return source[region]
    part = source_part(region, grid)
    floor = lowest_finite(source)
    to_part = np.linalg.inv(translation(part)) @ grid.work_to_source @ translation(region)
    image = finite_float32(source[part], floor)
    return resample_image(image, to_part, shape_of(region), outside=floor).numpy()
