"""The grid that a network works on, and how it lies in the scan."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from napari_medseg.core.affine import Affine, FloatArray
from napari_medseg.core.geometry import Geometry, Shape3
from napari_medseg.core.reorientation import Reorientation, reorientation_to

_SPACING_TOLERANCE = 0.01
"""A scan whose spacing is this near to the model's is not resampled."""

_OBLIQUITY_TOLERANCE_DEG = 5.0
"""A head tilted less than this looks upright to a network (they are trained with larger rotations)."""

_ANISOTROPY_OF_NNUNET = 3.0

_AXES = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


@dataclass(frozen=True)
class WorkGrid:
    """Where a network works.

    Parameters
    ----------
    reorientation : Reorientation
        From the scan's axes to the order that the model reads (views only).
    source : Geometry
        The scan in that order.
    geometry : Geometry
        The grid that the network sees; `source` itself if nothing has to be resampled.
    splines_mm : tuple of float or None
        The spacing that was asked for, where images are interpolated by cubic splines; None interpolates linearly.
    """

    reorientation: Reorientation
    source: Geometry
    geometry: Geometry
    splines_mm: tuple[float, float, float] | None = None

    @property
    def coarse_axis(self) -> int | None:
        """The axis along which a grid of splines takes the nearest plane, as nnU-Net does; None if there is none.

        That of a scan whose voxels are more than three times as long as wide; else of the network's.
        """
        for spacing in (self.source.spacing_mm, self.splines_mm) if self.splines_mm is not None else ():
            if max(spacing) / min(spacing) > _ANISOTROPY_OF_NNUNET:
                longest = [axis for axis, step in enumerate(spacing) if math.isclose(step, max(spacing), rel_tol=1e-6)]
                return longest[0] if len(longest) == 1 else None
        return None

    @property
    def is_resampled(self) -> bool:
        """Whether the network sees other voxels than the scan's."""
        return self.geometry is not self.source

    @property
    def work_to_source(self) -> FloatArray:
        """Matrix (4, 4) from voxels of `geometry` to voxels of `source`."""
        return (self.source.voxel_to_ras.inverse() @ self.geometry.voxel_to_ras).matrix

    @property
    def source_to_work(self) -> FloatArray:
        """Matrix (4, 4) from voxels of `source` to voxels of `geometry`."""
        return (self.geometry.voxel_to_ras.inverse() @ self.source.voxel_to_ras).matrix


def plan_grid(
    geometry: Geometry,
    orientation: str | None,
    spacing_mm: tuple[float, ...] | None,
    longest_side: int | None = None,
    *,
    splines: bool = False,
) -> WorkGrid:
    """Choose the grid for a model.

    A scan that only has its axes in another order is not resampled, nor is one whose spacing is within 1 % of the
    model's. One that is tilted by more than 5° or sheared is resampled upright, its corners included.

    Parameters
    ----------
    geometry : Geometry
        The scan.
    orientation : str or None
        Where the network's axes lead to, such as "RAS"; the scan's own axes if None.
    spacing_mm : tuple of float or None
        Spacing along the network's axes (two of them for a 2-D network); the scan's own if None.
    longest_side : int, optional
        Pixels of the longer of the first two axes, instead of a spacing.
    splines : bool
        Whether to lay the grid as nnU-Net does: over the extent of the scan, along its own axes however it is tilted.

    Returns
    -------
    WorkGrid
        The grid.
    """
    reorientation = Reorientation((0, 1, 2), (False, False, False))
    if orientation is not None:
        reorientation = reorientation_to(geometry, orientation)
    source = reorientation.geometry(geometry)
    if longest_side is not None:
        return WorkGrid(reorientation, source, _resized(source, longest_side))
    if spacing_mm is None:
        return WorkGrid(reorientation, source, source)
    own = source.spacing_mm
    wanted = (spacing_mm[0], spacing_mm[1], spacing_mm[2] if len(spacing_mm) > 2 else own[2])
    if splines:
        return WorkGrid(reorientation, source, _of_same_extent(source, wanted), wanted)
    tilted = source.obliquity_deg > _OBLIQUITY_TOLERANCE_DEG or source.is_sheared
    if orientation is not None and tilted:
        return WorkGrid(reorientation, source, _upright(source, orientation, wanted))
    if all(abs(a / b - 1) <= _SPACING_TOLERANCE for a, b in zip(own, wanted, strict=True)):
        return WorkGrid(reorientation, source, source)
    return WorkGrid(reorientation, source, _respaced(source, wanted))


def box_in_grid(low: FloatArray, high: FloatArray, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Map a box of voxel coordinates through a matrix (4, 4); return the box around it (lowest, highest corner)."""
    corners = np.array(np.meshgrid(*zip(low, high, strict=True), indexing="ij")).reshape(3, -1)
    mapped = matrix[:3, :3] @ corners + matrix[:3, 3:]
    return mapped.min(axis=1), mapped.max(axis=1)


def _respaced(source: Geometry, spacing_mm: tuple[float, float, float]) -> Geometry:
    """Return a grid along the same axes with the same centre and nearly the same extent."""
    shape = [
        max(1, round(n * own / new)) for n, own, new in zip(source.shape, source.spacing_mm, spacing_mm, strict=True)
    ]
    step = np.array(spacing_mm) / source.spacing_mm
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(step)
    matrix[:3, 3] = (np.array(source.shape) - 1) / 2 - step * (np.array(shape) - 1) / 2
    return Geometry((shape[0], shape[1], shape[2]), source.voxel_to_ras @ Affine(matrix))


def _of_same_extent(source: Geometry, spacing_mm: tuple[float, float, float]) -> Geometry:
    """Return the same extent in voxels of nearly a spacing; the source itself if these are as many."""
    shape = [
        max(1, round(own / new * n)) for n, own, new in zip(source.shape, source.spacing_mm, spacing_mm, strict=True)
    ]
    if tuple(shape) == source.shape:
        return source
    step = np.array(source.shape) / shape
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(step)
    matrix[:3, 3] = step / 2 - 0.5
    return Geometry((shape[0], shape[1], shape[2]), source.voxel_to_ras @ Affine(matrix))


def _resized(source: Geometry, longest_side: int) -> Geometry:
    longest = max(source.shape[:2])
    if longest == longest_side:
        return source
    i, j, k = source.spacing_mm
    return _respaced(source, (i * longest / longest_side, j * longest / longest_side, k))


def _upright(source: Geometry, orientation: str, spacing_mm: tuple[float, float, float]) -> Geometry:
    """Return the smallest grid along the patient's axes that holds the centre of every voxel."""
    direction = np.zeros((3, 3))
    for axis, letter in enumerate(orientation):
        row, sign = _AXES[letter]
        direction[row, axis] = sign
    last = np.array(source.shape, dtype=np.float64) - 1
    to_axes = np.eye(4)
    to_axes[:3, :3] = direction.T
    low, high = box_in_grid(np.zeros(3), last, to_axes @ source.affine)
    counts = [math.ceil((b - a) / step - 1e-6) + 1 for a, b, step in zip(low, high, spacing_mm, strict=True)]
    shape: Shape3 = (counts[0], counts[1], counts[2])
    extent = (np.array(shape) - 1) * spacing_mm
    origin = direction @ ((low + high) / 2 - extent / 2)
    return Geometry(shape, Affine.from_spacing(spacing_mm, origin, direction))
