"""The slices of a tilted gantry, put upright: each is shifted along its columns, and the grid has right angles.

In a CT with gantry tilt the planes are parallel, but each lies lower in its plane than the one before: the grid is
sheared. On the upright grid every voxel keeps its true place in the patient. A shift is a whole number of rows and a
fraction; the fraction is interpolated linearly between two rows of the same slice, and nothing else is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.affine import Affine
from napari_medseg.core.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.io.dicom.instance import Instance
    from napari_medseg.io.dicom.placement import Placement

AnyArray = npt.NDArray[Any]

_SIDEWAYS_PIXELS = 0.02
"""A shift along the rows of more than this, from the first to the last slice, is no gantry tilt."""

_NOTE = (
    "The gantry was tilted by {:.2f}°: the slices are put upright, each shifted along its columns, "
    "and intensities interpolated between two rows."
)

_WHOLE = 1e-3
"""A shift that is off a whole number of rows by less is one, but for round-off."""

_TALLEST = 4
"""An upright grid may be this many times as high as a slice; beyond it the positions make no sense."""


@dataclass(frozen=True)
class UprightGrid:
    """A right-angled grid for the slices of a sheared one.

    Parameters
    ----------
    geometry : Geometry
        The grid; its planes k are those of the sheared one.
    rows : int
        Rows of a slice as stored.
    shifts : tuple of float
        For every plane k, the row of the grid on which the first row of the slice lies.
    note : str
        What was done, for the user.
    """

    geometry: Geometry
    rows: int
    shifts: tuple[float, ...]
    note: str

    def put(self, target: AnyArray, stored: AnyArray, k: int) -> None:
        """Write a slice, shape (rows, columns), to plane k of the grid, shape (more rows, columns).

        Rows that the slice does not cover are left as they are (see `covered`).
        """
        begin, end = self.covered(k)
        part = begin - self.shifts[k]
        if part == 0.0:
            target[begin:end] = stored
            return
        upper, lower = stored[:-1], stored[1:]
        mixed = upper.astype(np.float32)
        mixed += (lower.astype(np.float32) - mixed) * np.float32(part)
        target[begin:end] = np.rint(mixed) if target.dtype.kind in "iu" else mixed

    def covered(self, k: int) -> tuple[int, int]:
        """Return the first row of plane k that lies within its slice, and the one behind the last."""
        return math.ceil(self.shifts[k]), math.floor(self.shifts[k]) + self.rows

    def lean(self, labels: AnyArray) -> AnyArray:
        """Return labels of the grid, shape (i, j, k, …), on the sheared grid: every slice shifted by whole rows.

        A label comes to lie at most half a row from its place. `stand` undoes it.
        """
        stored = _empty((labels.shape[0], self.rows, *labels.shape[2:]), labels.dtype)
        for k, begin in enumerate(self._whole_shifts):
            stored[:, :, k] = labels[:, begin : begin + self.rows, k]
        return stored

    def stand(self, labels: AnyArray) -> AnyArray:
        """Return labels of the sheared grid, shape (i, j, k, …), on this one, 0 where no slice is."""
        upright = _empty((labels.shape[0], self.geometry.shape[1], *labels.shape[2:]), labels.dtype)
        upright[...] = 0
        for k, begin in enumerate(self._whole_shifts):
            upright[:, begin : begin + self.rows, k] = labels[:, :, k]
        return upright

    @property
    def _whole_shifts(self) -> list[int]:
        return [math.floor(shift + 0.5) for shift in self.shifts]


def _empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> AnyArray:
    """Return memory in which a slice is contiguous, rows first."""
    return np.empty(shape[::-1], dtype).transpose(*range(len(shape))[::-1])


def upright_grid(placement: Placement, slices: Sequence[Instance]) -> UprightGrid | None:
    """Return the upright grid of slices that are shifted along their columns; None if they are not.

    Parameters
    ----------
    placement : Placement
        Where the stack lies.
    slices : sequence of Instance
        Those of its first time point.
    """
    sheared = placement.geometry
    if not sheared.is_sheared or slices[0].modality != "CT":
        return None
    along_row, down, step = sheared.affine[:3, :3].T
    columns, rows, depth = sheared.shape
    sideways = float(step @ along_row / (along_row @ along_row)) * (depth - 1)
    drifts = _drifts(placement, slices)
    above = math.ceil(-min(drifts) - _WHOLE)
    height = rows + above + math.ceil(max(drifts) - _WHOLE)
    if abs(sideways) > _SIDEWAYS_PIXELS or height > _TALLEST * rows or rows < 2:
        return None
    normal = np.cross(along_row, down)
    normal /= np.linalg.norm(normal)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = along_row, down, normal * float(normal @ step)
    matrix[:3, 3] = sheared.affine[:3, 3] - above * down
    shifts = tuple(_near_whole(min(max(above + drift, 0.0), float(height - rows))) for drift in drifts)
    geometry = Geometry((columns, height, depth), Affine(matrix))
    return UprightGrid(geometry, rows, shifts, _NOTE.format(tilt_deg(sheared)))


def _drifts(placement: Placement, slices: Sequence[Instance]) -> list[float]:
    """Return for every plane k how many rows further down its slice lies than the first."""
    _, down, step = placement.geometry.affine[:3, :3].T
    scale = float(down @ down)
    drifts = [float(step @ down) / scale * k for k in range(placement.geometry.shape[2])]
    first = np.array(slices[0].position)
    for slot, image in zip(placement.slots, slices, strict=True):
        way_lps = np.array(image.position) - first
        drifts[slot] = float(way_lps * (-1.0, -1.0, 1.0) @ down) / scale
    return drifts


def _near_whole(shift: float) -> float:
    return float(round(shift)) if abs(shift - round(shift)) < _WHOLE else shift


def tilt_deg(sheared: Geometry) -> float:
    """Return the angle between the normal of the slices and the way from one to the next, in degrees."""
    along_row, down, step = sheared.affine[:3, :3].T
    normal = np.cross(along_row, down)
    cosine = float(normal @ step) / float(np.linalg.norm(normal) * np.linalg.norm(step))
    return math.degrees(math.acos(min(1.0, abs(cosine))))
