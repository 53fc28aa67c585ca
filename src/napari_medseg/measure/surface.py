"""How far apart the outlines of a label lie in two label maps.

The outline of a label is every voxel of it with a face towards another label or the end of the grid. Axes of length 1
are left out: a radiograph (i, j, 1) has the outline of a plane figure, not of a plate that is outline all over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """From each voxel of either outline to the nearest voxel of the other outline.

    Parameters
    ----------
    a_to_b : ndarray of float, shape (n,)
        One distance for each voxel of the outline in the first map; infinite if the second has not the label.
    b_to_a : ndarray of float, shape (m,)
        The same from the second map to the first.
    longest : float
        Distance between the two voxels of the grid that are furthest apart.
    """

    a_to_b: FloatArray = field(repr=False)
    b_to_a: FloatArray = field(repr=False)
    longest: float

    def hd95(self) -> float:
        """Return the 95th percentile Hausdorff distance: of both directions the larger 95th percentile.

        NaN if neither map has the label. If only one has it, the longest distance in the grid: a label that was
        missed altogether counts as badly as can be, and neither drops out of a mean nor makes it infinite.
        """
        if not self.a_to_b.size and not self.b_to_a.size:
            return float("nan")
        if not self.a_to_b.size or not self.b_to_a.size:
            return self.longest
        return float(max(np.percentile(self.a_to_b, 95), np.percentile(self.b_to_a, 95)))

    def nsd(self, tolerance: float) -> float:
        """Return the normalised surface distance: the share of both outlines that lies within a tolerance.

        Counted in voxels of the outlines (Nikolov et al., JMIR 2021; Seidlitz et al., Medical Image Analysis 2022).
        NaN if neither map has the label, 0 if only one has it.

        Parameters
        ----------
        tolerance : float
            Largest distance that still counts as agreement, in the unit of the spacing.

        Raises
        ------
        ValueError
            If the tolerance is negative or not finite.
        """
        if not 0 <= tolerance < np.inf:
            raise ValueError(f"A tolerance is a finite distance, not {tolerance}.")
        both = self.a_to_b.size + self.b_to_a.size
        within = np.count_nonzero(self.a_to_b <= tolerance) + np.count_nonzero(self.b_to_a <= tolerance)
        return float(within / both) if both else float("nan")


def surface_distances(a: npt.NDArray[Any], b: npt.NDArray[Any], label: int, spacing: npt.ArrayLike) -> SurfaceDistances:
    """Measure from outline to outline of one label in two label maps.

    Parameters
    ----------
    a, b : ndarray of int, same shape, with d axes
        Label maps.
    label : int
        Which label.
    spacing : array_like, shape (d,) or (d, d)
        Millimetres between neighbouring voxels along each axis; or the matrix whose columns are the steps along each
        axis (``geometry.affine[:3, :3]``), which is right for sheared grids as well. Where the size of a pixel is not
        known, ones: distances are then in pixels, and must be called so.

    Raises
    ------
    ValueError
        If the shapes differ, or the spacing does not fit the axes, is not positive or not finite.
    """
    if a.shape != b.shape:
        raise ValueError(f"Label maps of shapes {a.shape} and {b.shape} cannot be compared.")
    steps = _steps(spacing, a.ndim)
    long_axes = [n for n, length in enumerate(a.shape) if length > 1]
    flat, steps = tuple(a.shape[n] for n in long_axes), steps[:, long_axes]
    outlines = [_outline(map_.reshape(flat) == label) @ steps.T for map_ in (a, b)]
    return SurfaceDistances(_nearest(*outlines), _nearest(*outlines[::-1]), _longest(flat, steps))


def hd95(a: npt.NDArray[Any], b: npt.NDArray[Any], label: int, spacing: npt.ArrayLike) -> float:
    """Return the 95th percentile Hausdorff distance of one label; see `surface_distances`, `SurfaceDistances.hd95`."""
    return surface_distances(a, b, label, spacing).hd95()


def nsd(a: npt.NDArray[Any], b: npt.NDArray[Any], label: int, spacing: npt.ArrayLike, tolerance: float) -> float:
    """Return the normalised surface distance of one label; see `surface_distances` and `SurfaceDistances.nsd`."""
    return surface_distances(a, b, label, spacing).nsd(tolerance)


def _steps(spacing: npt.ArrayLike, n_axes: int) -> FloatArray:
    """Return the matrix from voxel indices to distances."""
    given = np.asarray(spacing, dtype=np.float64)
    if given.shape == (n_axes,) and (given > 0).all() and np.isfinite(given).all():
        return np.diag(given)
    if given.shape == (n_axes, n_axes) and np.isfinite(given).all() and np.linalg.det(given) != 0:
        return given
    raise ValueError(f"{np.array2string(given)} is no spacing of {n_axes} axes.")


def _outline(mask: BoolArray) -> FloatArray:
    """Return the indices of the voxels of a mask that have a face outside it, shape (n, d)."""
    from scipy.ndimage import binary_erosion

    if not mask.ndim:
        return np.zeros((int(mask), 0))
    box = _bounding_box(mask)
    inside = mask[box]
    at = np.argwhere(inside & ~binary_erosion(inside))
    return np.add(at, [part.start for part in box], dtype=np.float64)


def _bounding_box(mask: BoolArray) -> tuple[slice, ...]:
    """Return the smallest part of a grid that holds a whole mask; of no extent if the mask is empty."""
    box = []
    for axis in range(mask.ndim):
        found = np.flatnonzero(mask.any(axis=tuple(n for n in range(mask.ndim) if n != axis)))
        box.append(slice(int(found[0]), int(found[-1]) + 1) if found.size else slice(0, 0))
    return tuple(box)


def _nearest(from_: FloatArray, to: FloatArray) -> FloatArray:
    """Return the distance of each point to the nearest of others, shape (n,)."""
    from scipy.spatial import KDTree

    if not len(from_) or not len(to):
        return np.full(len(from_), np.inf)
    tree = KDTree(to, balanced_tree=False, compact_nodes=False)  # points of a grid: medians do not pay
    distances, _ = tree.query(from_)
    return np.asarray(distances, dtype=np.float64)


def _longest(shape: tuple[int, ...], steps: FloatArray) -> float:
    """Return the longest diagonal of a grid, from voxel centre to voxel centre."""
    diagonals = (steps @ (np.array(signs) * (np.array(shape) - 1)) for signs in product((-1, 1), repeat=len(shape)))
    return max(float(np.linalg.norm(diagonal)) for diagonal in diagonals)
