"""Where an array of voxels lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
import numpy.typing as npt

from napari_medseg.core.affine import Affine, FloatArray

Shape3 = tuple[int, int, int]

_SHEAR_TOLERANCE = 1e-4
"""Largest cosine between two axes that still counts as a right angle (DICOM's own round-off stays below it)."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """Shape and position of a volume, without its voxels.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels along i, j and k.
    voxel_to_ras : Affine
        Voxel (i, j, k) → RAS mm; the integer index is the centre of the voxel.
    """

    shape: Shape3
    voxel_to_ras: Affine

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"A geometry has three axes of at least one voxel, not {self.shape}.")

    @classmethod
    def from_matrix(cls, shape: tuple[int, ...], matrix: npt.ArrayLike) -> Geometry:
        """Build a geometry from a shape (i, j, k) and a voxel → RAS mm matrix (4, 4).

        Raises
        ------
        ValueError
            If the shape has not three axes, or the matrix is no affine (see `Affine`).
        """
        i, j, k = (int(n) for n in shape)
        return cls((i, j, k), Affine(matrix))

    @property
    def affine(self) -> FloatArray:
        """Voxel → RAS mm as a read-only float64 array of shape (4, 4), as in NIfTI."""
        return self.voxel_to_ras.matrix

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along i, j and k, in mm."""
        return self.voxel_to_ras.spacing_mm

    @property
    def n_voxels(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in millilitres (sheared volumes included)."""
        return abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    @cached_property
    def _axes(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """For every voxel axis the RAS axis it runs along most closely, and its sign."""
        cosines = self.voxel_to_ras.direction
        best = max(permutations(range(3)), key=lambda p: sum(abs(cosines[p[n], n]) for n in range(3)))
        signs = tuple(1 if cosines[best[n], n] >= 0 else -1 for n in range(3))
        return (best[0], best[1], best[2]), (signs[0], signs[1], signs[2])

    @property
    def orientation(self) -> str:
        """Where i, j and k lead to, such as "RAS" or "LPI"; for oblique volumes the nearest."""
        axes, signs = self._axes
        return "".join("RAS"[a] if s > 0 else "LPI"[a] for a, s in zip(axes, signs, strict=True))

    @cached_property
    def obliquity_deg(self) -> float:
        """Largest angle between a voxel axis and the patient axis nearest to it, in degrees."""
        axes, signs = self._axes
        direction = self.voxel_to_ras.direction
        angles = []
        for n, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
            along = sign * direction[axis, n]
            across = np.linalg.norm(np.delete(direction[:, n], axis))
            angles.append(np.arctan2(across, along))
        return float(np.degrees(max(angles)))

    @cached_property
    def is_sheared(self) -> bool:
        """Whether the voxel axes are not at right angles (a gantry-tilted CT, for example)."""
        direction = self.voxel_to_ras.direction
        cosines = direction.T @ direction - np.eye(3)
        return bool(np.abs(cosines).max() > _SHEAR_TOLERANCE)

    def ijk_to_ras(self, points_ijk: npt.ArrayLike) -> FloatArray:
        """Map voxel coordinates, shape (..., 3), to RAS mm."""
        return self.voxel_to_ras.apply(points_ijk)

    def ras_to_ijk(self, points_ras: npt.ArrayLike) -> FloatArray:
        """Map RAS mm, shape (..., 3), to continuous voxel coordinates."""
        return self.voxel_to_ras.inverse().apply(points_ras)

    def matches(self, other: Geometry, atol_mm: float = 1e-4) -> bool:
        """Whether every voxel of both geometries lies at the same place, to `atol_mm`."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape], indexing="ij")).reshape(3, -1).T
        return bool(np.abs(self.ijk_to_ras(corners) - other.ijk_to_ras(corners)).max() <= atol_mm)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Geometry) and (self.shape, self.voxel_to_ras) == (other.shape, other.voxel_to_ras)

    def __hash__(self) -> int:
        return hash((self.shape, self.voxel_to_ras))
