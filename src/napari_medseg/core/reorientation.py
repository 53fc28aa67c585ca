"""Signed permutations of voxel axes: other views of the same voxels at the same millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.affine import Affine, FloatArray
from napari_medseg.core.geometry import Geometry, Shape3


@dataclass(frozen=True)
class Reorientation:
    """Take source axes in another order and some of them backwards.

    Parameters
    ----------
    axes : tuple of int
        Source axis that becomes target axis 0, 1 and 2.
    flips : tuple of bool
        Whether target axis 0, 1 and 2 runs against its source axis.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def apply(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the array (source axes first, further axes kept) in target order, as a view."""
        rest = tuple(range(3, array.ndim))
        return array.transpose(*self.axes, *rest)[self._slices]

    def inverse_apply(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return an array in target order in source order again, as a view."""
        rest = tuple(range(3, array.ndim))
        back = np.argsort(self.axes)
        return array[self._slices].transpose(*(int(a) for a in back), *rest)

    def target_shape(self, shape: Shape3) -> Shape3:
        """Shape (i, j, k) of the source in target order."""
        return (shape[self.axes[0]], shape[self.axes[1]], shape[self.axes[2]])

    def target_to_source(self, source_shape: Shape3) -> FloatArray:
        """Matrix (4, 4) from target voxel coordinates to source voxel coordinates."""
        matrix = np.zeros((4, 4))
        matrix[3, 3] = 1.0
        for target, (source, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            matrix[source, target] = -1.0 if flip else 1.0
            matrix[source, 3] = source_shape[source] - 1 if flip else 0.0
        return matrix

    def geometry(self, source: Geometry) -> Geometry:
        """Geometry of the reoriented array; every voxel keeps its RAS mm."""
        matrix = source.affine @ self.target_to_source(source.shape)
        matrix[3] = (0.0, 0.0, 0.0, 1.0)
        return Geometry(self.target_shape(source.shape), Affine(matrix))

    @property
    def _slices(self) -> tuple[slice, slice, slice]:
        first, second, third = (slice(None, None, -1 if flip else 1) for flip in self.flips)
        return first, second, third


def reorientation_to(geometry: Geometry, orientation: str) -> Reorientation:
    """Find the signed permutation that brings a volume nearest to an orientation.

    Parameters
    ----------
    geometry : Geometry
        The volume as it is.
    orientation : str
        Three of the letters R/L, A/P, S/I, one of each pair: where target axis 0, 1 and 2 shall lead to.
        "RAS" is NIfTI's canonical order; "SPL" is (z, y, x) in DICOM's LPS.

    Returns
    -------
    Reorientation
        From the volume's (i, j, k) to the target's axes.

    Raises
    ------
    ValueError
        If the orientation is not made of one letter of each pair.
    """
    pairs = [next((n for n, pair in enumerate(("RL", "AP", "SI")) if letter in pair), -1) for letter in orientation]
    if sorted(pairs) != [0, 1, 2]:
        raise ValueError(f"{orientation!r} is no orientation; an example of one is 'RAS'.")
    current = geometry.orientation
    current_pairs = [next(n for n, pair in enumerate(("RL", "AP", "SI")) if letter in pair) for letter in current]
    first, second, third = (current_pairs.index(pair) for pair in pairs)
    axes = (first, second, third)
    flip0, flip1, flip2 = (current[axis] != letter for axis, letter in zip(axes, orientation, strict=True))
    return Reorientation(axes, (flip0, flip1, flip2))
