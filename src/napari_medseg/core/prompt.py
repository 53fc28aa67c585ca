"""What a user points at, in patient millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry

Point = tuple[float, float, float]


@dataclass(frozen=True)
class BoxPrompt:
    """A box along the voxel axes of a scan; a model looks for its structures inside only.

    Parameters
    ----------
    corner_a_ras, corner_b_ras : tuple of float
        Two opposite corners in RAS mm.
    """

    corner_a_ras: Point
    corner_b_ras: Point

    @classmethod
    def from_ijk(cls, low_ijk: npt.ArrayLike, high_ijk: npt.ArrayLike, geometry: Geometry) -> BoxPrompt:
        """Make a box from two opposite corners in continuous voxel coordinates, each of shape (3,)."""
        a, b = geometry.ijk_to_ras([np.asarray(low_ijk, float), np.asarray(high_ijk, float)])
        return cls((float(a[0]), float(a[1]), float(a[2])), (float(b[0]), float(b[1]), float(b[2])))

    def to_ijk(self, geometry: Geometry) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and highest corner in continuous voxel coordinates, each of shape (3,)."""
        corners = geometry.ras_to_ijk([self.corner_a_ras, self.corner_b_ras])
        return corners.min(axis=0), corners.max(axis=0)

    def voxels(self, geometry: Geometry) -> tuple[slice, slice, slice]:
        """Return the voxels whose centres lie in the box, clipped to the volume; slices may be empty."""
        low, high = self.to_ijk(geometry)
        tolerance = 1e-6
        starts = np.clip(np.ceil(low - tolerance), 0, geometry.shape).astype(int)
        stops = np.clip(np.floor(high + tolerance) + 1, 0, geometry.shape).astype(int)
        i, j, k = (slice(int(a), max(int(a), int(b))) for a, b in zip(starts, stops, strict=True))
        return i, j, k


Prompt: TypeAlias = BoxPrompt
