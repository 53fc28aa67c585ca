"""Values of one grid at the voxels of another, by trilinear interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.inference.windows import Shape3

_FWHM_PER_SIGMA = 2.3548200450309493
_VALUES_AT_ONCE = 4_000_000

_STRAIGHT = 1e-4
"""Voxels by which axes may depart from those of the other grid and still be taken as theirs."""

_TIE = 1e-9
"""Half-way between two voxels the later one is the nearest."""

HALF_A_VOXEL = 0.5 + 1e-3
"""A point up to so far beyond the outermost centres still lies in the volume."""

ROUNDING = 1e-3
"""A point on the border of two parts lies in both."""


def resample_image(
    image: npt.NDArray[Any], target_to_image: FloatArray, shape: Shape3, *, outside: float
) -> torch.Tensor:
    """Bring an image to another grid.

    Axes along which the new grid is coarser are smoothed first, so that fine detail does not alias: with a Gaussian
    that widens the voxel's own profile to the coarser one (Cardoso et al., Scale factor point spread function matching,
    MICCAI 2015).

    Parameters
    ----------
    image : ndarray, shape (i, j, k)
        Finite values.
    target_to_image : ndarray, shape (4, 4)
        From voxels of the new grid to voxels of the image.
    shape : tuple of int
        Shape of the new grid.
    outside : float
        Value of voxels that lie outside the image.

    Returns
    -------
    Tensor, float32, of `shape`
    """
    smooth = torch.from_numpy(_smoothed(image, target_to_image))[None]
    result = torch.empty(shape, dtype=torch.float32)
    for planes, values, inside in sample_slabs(smooth, target_to_image, shape):
        result[planes] = values[0].masked_fill(~inside, outside)
    return result


def sample_slabs(
    values: torch.Tensor,
    target_to_source: FloatArray,
    shape: Shape3,
    edges: FloatArray | None = None,
    nearest_axis: int | None = None,
) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    """Interpolate channels on another grid, a slab of its first axis at a time.

    Parameters
    ----------
    values : Tensor, float32, shape (channel, i, j, k)
        Values on the source grid.
    target_to_source : ndarray, shape (4, 4)
        From voxels of the target grid to voxels of the source grid.
    shape : tuple of int
        Shape of the target grid.
    edges : ndarray, shape (3, 2), optional
        How far before the first and beyond the last centre along each axis the source volume reaches, in voxels; half
        a voxel if None.
    nearest_axis : int, optional
        Axis of both grids along which the nearest value is taken as it is, where their axes are the same.

    Yields
    ------
    planes : slice
        Planes of the target's first axis.
    sampled : Tensor, float32, shape (channel, planes, j, k)
        Interpolated values; at the border those of the outermost voxels.
    inside : Tensor, bool, shape (planes, j, k)
        Which target voxels lie in the source volume.
    """
    reach = np.full((3, 2), HALF_A_VOXEL) if edges is None else edges
    if is_along_axes(target_to_source, shape):
        yield from _sample_along_axes(values, target_to_source, shape, reach, nearest_axis)
    else:
        yield from _sample_anywhere(values, target_to_source, shape, reach)


def is_along_axes(target_to_source: FloatArray, shape: Shape3) -> bool:
    """Tell whether each axis of one grid runs along the same axis of the other, over all of `shape`."""
    across = np.array(target_to_source[:3, :3])
    np.fill_diagonal(across, 0)
    return bool((np.abs(across) @ np.array(shape) < _STRAIGHT).all())


def _sample_along_axes(
    values: torch.Tensor, matrix: FloatArray, shape: Shape3, reach: FloatArray, nearest_axis: int | None
) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    """Interpolate one axis after the other, which is the same and many times faster."""
    axes = [
        _Line.between(
            shape[n], values.shape[n + 1], float(matrix[n, n]), float(matrix[n, 3]), reach[n], n == nearest_axis
        )
        for n in range(3)
    ]
    for planes in _slabs(len(values), shape):
        first = axes[0].part(planes)
        rows, (below, above) = torch.unique(torch.stack([first.below, first.above]), return_inverse=True)
        # The last axis first, whose values lie apart in memory, while there are few of them.
        sampled = axes[1].sample(axes[2].sample(values.index_select(1, rows), 3), 2)
        sampled = _Line(below, above, first.share, first.inside).sample(sampled, 1)
        yield planes, sampled, first.inside[:, None, None] & (axes[1].inside[:, None] & axes[2].inside)


@dataclass(frozen=True, eq=False)
class _Line:
    """Where the voxels of one axis lie among those of another grid's: between which two, and how far from the first."""

    below: torch.Tensor
    above: torch.Tensor
    share: torch.Tensor
    inside: torch.Tensor

    @classmethod
    def between(cls, n: int, size: int, step: float, start: float, reach: FloatArray, nearest: bool) -> _Line:
        at = torch.arange(n, dtype=torch.float64) * step + start
        inside = (at >= -float(reach[0])) & (at <= size - 1 + float(reach[1]))
        at = (at + 0.5 + _TIE).floor_() if nearest else at
        at = at.clamp_(0, size - 1)
        below = at.floor()
        return cls(below.long(), (below.long() + 1).clamp_(max=size - 1), (at - below).float(), inside)

    def part(self, voxels: slice) -> _Line:
        return _Line(self.below[voxels], self.above[voxels], self.share[voxels], self.inside[voxels])

    def sample(self, values: torch.Tensor, axis: int) -> torch.Tensor:
        if bool((self.share == 0).all()):  # such as the only plane of a radiograph
            return values if len(self.below) == values.shape[axis] == 1 else values.index_select(axis, self.below)
        share = self.share.reshape([-1 if n == axis else 1 for n in range(values.ndim)])
        return values.index_select(axis, self.below).lerp_(values.index_select(axis, self.above), share)


def _sample_anywhere(
    values: torch.Tensor, target_to_source: FloatArray, shape: Shape3, reach: FloatArray
) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    size = torch.tensor(values.shape[1:], dtype=torch.float64)
    matrix = torch.from_numpy(np.ascontiguousarray(target_to_source))
    jk = [torch.arange(n, dtype=torch.float64) for n in shape[1:]]
    # Every coordinate is a sum of one term for each axis, so three small tables stand for the whole grid.
    from_j = matrix[:3, 1, None] * jk[0]
    from_k = matrix[:3, 2, None] * jk[1]
    for planes in _slabs(len(values), shape):
        i = torch.arange(planes.start, planes.stop, dtype=torch.float64)
        from_i = matrix[:3, 0, None] * i + matrix[:3, 3, None]
        grid = torch.empty((1, len(i), shape[1], shape[2], 3), dtype=torch.float32)
        inside = torch.ones(grid.shape[1:4], dtype=torch.bool)
        for axis in range(3):
            at = (from_i[axis][:, None, None] + (from_j[axis][:, None] + from_k[axis])).float()
            inside &= (at >= -reach[axis, 0]) & (at <= float(size[axis]) - 1 + reach[axis, 1])
            # grid_sample counts axes from the last, and from -1 to 1 between the outermost centres.
            grid[0, ..., 2 - axis] = at.mul_(2 / max(float(size[axis]) - 1, 1)).sub_(1)
        sampled = F.grid_sample(values[None], grid, mode="bilinear", padding_mode="border", align_corners=True)
        yield planes, sampled[0], inside


def _slabs(n_channels: int, shape: Shape3) -> Iterator[slice]:
    """Return slabs of the first axis that hold a bounded number of values."""
    planes_at_once = max(1, _VALUES_AT_ONCE // max(1, max(3, n_channels) * shape[1] * shape[2]))
    for start in range(0, shape[0], planes_at_once):
        yield slice(start, min(start + planes_at_once, shape[0]))


def _smoothed(image: npt.NDArray[Any], target_to_image: FloatArray) -> npt.NDArray[np.float32]:
    """Return the image as contiguous float32, smoothed along the axes that the target grid samples more coarsely."""
    result = np.ascontiguousarray(image, dtype=np.float32)
    if result is image:
        result = result.copy()
    for axis in range(3):
        step = float(np.abs(target_to_image[axis, :3]).max())
        if step > 1.01:
            from scipy.ndimage import gaussian_filter1d

            sigma = np.sqrt(step**2 - 1) / _FWHM_PER_SIGMA
            gaussian_filter1d(result, sigma, axis=axis, output=result, mode="nearest", truncate=3.0)
    return result
