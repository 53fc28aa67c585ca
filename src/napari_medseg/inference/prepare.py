"""A scan as a network reads it: on the work grid, with the card's intensities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_medseg.inference.region import Region, shape_of, source_part, translation, whole
from napari_medseg.inference.resample import resample_image
from napari_medseg.inference.splines import resample_cubic
from napari_medseg.inference.voxels import finite_float32, lowest_finite
from napari_medseg.models.intensity import apply_intensity, filled_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.inference.grid import WorkGrid
    from napari_medseg.models.intensity_rule import IntensityRule


def work_channels(
    voxels: npt.NDArray[Any], grid: WorkGrid, region: Region, rules: Sequence[IntensityRule]
) -> list[npt.NDArray[Any]]:
    """Return a region of the work grid for each channel; see `work_voxels`.

    Parameters
    ----------
    voxels : ndarray, shape (i, j, k) or (i, j, k, channel)
        The scan.
    grid, region
        See `work_voxels`.
    rules : sequence of IntensityRule
        One for each channel.
    """
    if len(rules) == 1:
        return [work_voxels(voxels, grid, region, rules[0])]
    filled = None
    if any(rule.counted == "filled" and rule.scope == "volume" for rule in rules):
        source = grid.reorientation.apply(voxels)
        filled = torch.from_numpy((source[..., 0] != 0) & np.isfinite(source[..., 0]))
        for channel in range(1, len(rules)):
            filled |= torch.from_numpy((source[..., channel] != 0) & np.isfinite(source[..., channel]))
        filled = filled_mask(filled)
    return [work_voxels(voxels[..., n], grid, region, rule, filled) for n, rule in enumerate(rules)]


def work_voxels(
    voxels: npt.NDArray[Any],
    grid: WorkGrid,
    region: Region,
    intensity: IntensityRule,
    filled: torch.Tensor | None = None,
) -> npt.NDArray[Any]:
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
    filled : Tensor of bool, optional
        In the axes of the work grid: what counts for a rule of ``filled`` voxels of a volume.

    Returns
    -------
    ndarray
        In the axes of the work grid.
    """
    source = grid.reorientation.apply(voxels)
    if intensity.scope == "volume":
        values = torch.from_numpy(finite_float32(source, lowest_finite(source)))
        source = apply_intensity(intensity, values, filled).numpy()
    if intensity.scope == "resampled":
        whole_grid = _resampled(source, grid, whole(grid.geometry.shape))
        whole_grid = finite_float32(whole_grid, lowest_finite(whole_grid))
        normalised: npt.NDArray[Any] = apply_intensity(intensity, torch.from_numpy(whole_grid)).numpy()
        return normalised[region]
    return _resampled(source, grid, region)


def _resampled(source: npt.NDArray[Any], grid: WorkGrid, region: Region) -> npt.NDArray[Any]:
    if not grid.is_resampled:
        return source[region]
    floor = lowest_finite(source)
    if grid.splines_mm is not None:
        return resample_cubic(finite_float32(source, floor), grid.geometry.shape, region, grid.coarse_axis)
    part = source_part(region, grid)
    to_part = np.linalg.inv(translation(part)) @ grid.work_to_source @ translation(region)
    image = finite_float32(source[part], floor)
    return resample_image(image, to_part, shape_of(region), outside=floor).numpy()
