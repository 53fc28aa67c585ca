"""The map from voxel indices to patient millimetres.

One frame is used inside the program: RAS millimetres (+x towards the patient's
right, +y anterior, +z superior), as in NIfTI. DICOM's LPS (PS3.3 C.7.6.2.1.1) is converted at the door by
`lps_to_ras` and `ras_to_lps`, and nowhere else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LPS_FROM_RAS: FloatArray = np.diag([-1.0, -1.0, 1.0, 1.0])
LPS_FROM_RAS.setflags(write=False)


def ras_to_lps(affine: npt.ArrayLike) -> FloatArray:
    """Turn a voxel → RAS mm matrix (4, 4) into a voxel → LPS mm matrix (4, 4)."""
    return LPS_FROM_RAS @ np.asarray(affine, dtype=np.float64)


def lps_to_ras(affine: npt.ArrayLike) -> FloatArray:
    """Turn a voxel → LPS mm matrix (4, 4) into a voxel → RAS mm matrix (4, 4)."""
    return LPS_FROM_RAS @ np.asarray(affine, dtype=np.float64)


class Affine:
    """An immutable, invertible 4 × 4 matrix from voxel (i, j, k) to RAS millimetres.

    Parameters
    ----------
    matrix : array_like, shape (4, 4)
        Last row 0 0 0 1; finite; invertible.

    Raises
    ------
    ValueError
        If the matrix has another shape, is not finite, not affine or singular.
    """

    __slots__ = ("_matrix",)

    def __init__(self, matrix: npt.ArrayLike) -> None:
        values = np.array(matrix, dtype=np.float64)
        if values.shape != (4, 4):
            raise ValueError(f"An affine has the shape (4, 4), not {values.shape}.")
        if not np.isfinite(values).all():
            raise ValueError("The affine holds values that are not finite.")
        if not np.array_equal(values[3], [0.0, 0.0, 0.0, 1.0]):
            raise ValueError("The last row of an affine is 0 0 0 1.")
        lengths = np.linalg.norm(values[:3, :3], axis=0)
        if (lengths == 0).any() or abs(np.linalg.det(values[:3, :3] / lengths)) < 1e-6:
            raise ValueError("The affine is singular: its axes do not span space.")
        values.setflags(write=False)
        self._matrix: FloatArray = values

    @classmethod
    def from_spacing(
        cls,
        spacing_mm: npt.ArrayLike,
        origin_mm: npt.ArrayLike = (0.0, 0.0, 0.0),
        direction: npt.ArrayLike | None = None,
    ) -> Affine:
        """Build an affine from spacing (3,), the RAS mm of voxel (0, 0, 0), and direction cosines (3, 3) in columns."""
        matrix = np.eye(4)
        cosines = np.eye(3) if direction is None else np.asarray(direction, dtype=np.float64)
        matrix[:3, :3] = cosines * np.asarray(spacing_mm, dtype=np.float64)
        matrix[:3, 3] = origin_mm
        return cls(matrix)

    @property
    def matrix(self) -> FloatArray:
        """The read-only matrix, shape (4, 4), float64."""
        return self._matrix

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxels along i, j and k, in mm."""
        lengths = np.linalg.norm(self._matrix[:3, :3], axis=0)
        return (float(lengths[0]), float(lengths[1]), float(lengths[2]))

    @property
    def origin_mm(self) -> FloatArray:
        """RAS mm of the centre of voxel (0, 0, 0), shape (3,)."""
        return self._matrix[:3, 3]

    @property
    def direction(self) -> FloatArray:
        """Unit vectors of i, j and k in RAS, in columns, shape (3, 3)."""
        directions: FloatArray = self._matrix[:3, :3] / np.linalg.norm(self._matrix[:3, :3], axis=0)
        return directions

    def inverse(self) -> Affine:
        """Return the affine from RAS mm to voxel."""
        return Affine(_with_exact_last_row(np.asarray(np.linalg.inv(self._matrix), dtype=np.float64)))

    def apply(self, points: npt.ArrayLike) -> FloatArray:
        """Map points, shape (..., 3), to RAS mm of the same shape."""
        values = np.asarray(points, dtype=np.float64)
        mapped: FloatArray = values @ self._matrix[:3, :3].T + self._matrix[:3, 3]
        return mapped

    def __matmul__(self, other: Affine) -> Affine:
        return Affine(_with_exact_last_row(self._matrix @ other._matrix))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.array(self._matrix, dtype=dtype)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Affine) and np.array_equal(self._matrix, other._matrix)

    def __hash__(self) -> int:
        return hash(self._matrix.tobytes())

    def __repr__(self) -> str:
        return f"Affine({self._matrix.tolist()})"


def _with_exact_last_row(matrix: FloatArray) -> FloatArray:
    matrix[3] = (0.0, 0.0, 0.0, 1.0)
    return matrix
