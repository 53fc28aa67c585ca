"""A window: an even grid laid over a part of the scan, coarser the larger that part is.

Both ways go along one axis after another, by matrices: linear interpolation, averaging where the window is coarser.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from threadpoolctl import ThreadpoolController

    from napari_medseg.inference.clicks.scene import ClickScene

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
Region = tuple[slice, slice, slice]

_SAME = 1e-6
_LIMITING = threading.Lock()
_SLAB_VOXELS = 1 << 22
"""Voxels of the scan that are interpolated at once."""


@dataclass(frozen=True, eq=False)
class LocalWindow:
    """Where a window lies.

    Parameters
    ----------
    shape : tuple of int
        Its voxels along the three axes of the scan; 1 along the axis across a slice.
    centre_ijk : ndarray, shape (3,)
        Voxel of the scan in its middle.
    steps : ndarray, shape (3,)
        Voxels of the scan from one of the window's to the next.
    ranges : tuple of (int, int)
        What there is of the scan, as `ClickScene.ranges` gives it.
    """

    shape: tuple[int, int, int]
    centre_ijk: npt.NDArray[np.float64]
    steps: npt.NDArray[np.float64]
    ranges: tuple[tuple[int, int], ...]

    def to_window(self, points_ijk: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map voxels of the scan, shape (n, 3), to continuous voxels of the window."""
        middle = (np.array(self.shape) - 1) / 2
        return (np.asarray(points_ijk, np.float64) - self.centre_ijk) / self.steps + middle

    def positions(self, axis: int) -> npt.NDArray[np.float64]:
        """Return where in the scan the window's voxels lie along an axis."""
        n = self.shape[axis]
        return np.asarray(self.centre_ijk[axis] + (np.arange(n) - (n - 1) / 2) * self.steps[axis])

    def inside(self) -> BoolArray:
        """Return which of the window's voxels lie in the scan, shape `shape`."""
        parts = []
        for axis, (start, stop) in enumerate(self.ranges):
            at = self.positions(axis)
            parts.append((at >= start - 0.5) & (at <= stop - 0.5))
        return np.asarray(parts[0][:, None, None] & parts[1][:, None] & parts[2])

    def repeat_border(self, values: FloatArray) -> FloatArray:
        """Let voxels of the window that lie beyond the scan have the values of the nearest that lie in it."""
        for axis, (start, stop) in enumerate(self.ranges):
            at = self.positions(axis)
            within = np.flatnonzero((at >= start - 0.5) & (at <= stop - 0.5))
            if within.size and within.size < at.size:
                values = values.take(np.clip(np.arange(at.size), within[0], within[-1]), axis)
        return values

    def region(self) -> Region:
        """Return the voxels of the scan that the window covers; slices may be empty."""
        parts = []
        for axis, (start, stop) in enumerate(self.ranges):
            at, half = self.positions(axis), self.steps[axis] / 2
            first = min(max(math.ceil(at[0] - half), start), stop)
            parts.append(slice(first, max(first, min(math.floor(at[-1] + half) + 1, stop))))
        return parts[0], parts[1], parts[2]

    def read(self, array: npt.NDArray[Any], value: int | None = None) -> FloatArray:
        """Return an array of the scan on the window; what lies outside repeats the border.

        Parameters
        ----------
        array : ndarray, shape (i, j, k)
            Intensities or labels.
        value : int, optional
            Of labels: the share of each voxel of the window that has this one.
        """
        reads = [self._weights(axis) for axis in range(3)]
        block = array[reads[0][0], reads[1][0], reads[2][0]]
        result = np.asarray(block == value if value is not None else block, dtype=np.float32)
        if value is None and not np.isfinite(result).all():
            result = np.nan_to_num(result, posinf=0.0, neginf=0.0)
        with _one_thread():
            return _along_axes(result, [weights for _, weights in reads])

    def write(self, chances: FloatArray, threshold: float) -> tuple[Region, BoolArray]:
        """Return the voxels of the scan in which chances on the window, interpolated, reach a threshold.

        Returns
        -------
        region : tuple of slice
            The smallest part of the scan that surely holds them; empty if there are none.
        mask : ndarray of bool
            Of the region's shape.
        """
        found = np.argwhere(chances >= threshold)
        if not len(found):
            i, j, k = (slice(part.start, part.start) for part in self.region())
            return (i, j, k), np.zeros((0, 0, 0), bool)
        low, high = found.min(axis=0) - 1, found.max(axis=0) + 1
        region = self._covered(low, high)
        across = [self._interpolation(axis, region[axis]) for axis in range(3)]
        mask = np.empty([part.stop - part.start for part in region], bool)
        rows = max(1, _SLAB_VOXELS // max(1, mask.shape[1] * mask.shape[2]))
        with _one_thread():
            plane = _along_axes(chances, [None, across[1], across[2]])
            for start in range(0, len(mask), rows):
                mask[start : start + rows] = np.tensordot(across[0][start : start + rows], plane, axes=1) >= threshold
        return region, mask

    def _covered(self, low: npt.NDArray[Any], high: npt.NDArray[Any]) -> Region:
        """Return the part of the scan between two voxels of the window, within the window's own region."""
        parts = []
        for axis, whole in enumerate(self.region()):
            at = self.positions(axis)
            first = self.centre_ijk[axis] + (low[axis] - (len(at) - 1) / 2) * self.steps[axis]
            last = self.centre_ijk[axis] + (high[axis] - (len(at) - 1) / 2) * self.steps[axis]
            start = min(max(math.ceil(first), whole.start), whole.stop)
            parts.append(slice(start, max(start, min(math.floor(last) + 1, whole.stop))))
        return parts[0], parts[1], parts[2]

    def _weights(self, axis: int) -> tuple[slice, FloatArray]:
        """Return the part of the scan that is read along an axis, and its weights, shape (window, part)."""
        at, (start, stop) = self.positions(axis), self.ranges[axis]
        at = np.clip(at, start, stop - 1)
        step = float(self.steps[axis])
        every = max(1, int(step / 2))  # two voxels for each of the window's are enough to average over
        reach = max(step, every, 1.0)
        first = max(start, math.floor(at[0] - reach))
        last = min(stop, math.ceil(at[-1] + reach) + 1)
        source = np.arange(first, last, every)
        weights = np.maximum(0, 1 - np.abs(source - at[:, None]) / reach)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
        return slice(first, last, every), weights.astype(np.float32)

    def _interpolation(self, axis: int, part: slice) -> FloatArray:
        """Return the weights of the window's voxels for those of a part of the scan, shape (part, window)."""
        n = self.shape[axis]
        at = (np.arange(part.start, part.stop) - self.centre_ijk[axis]) / self.steps[axis] + (n - 1) / 2
        at = np.clip(at, 0, n - 1)
        return np.asarray(np.maximum(0, 1 - np.abs(np.arange(n) - at[:, None])), np.float32)


def place_window(scene: ClickScene, side: int, centre_ijk: npt.ArrayLike, zoom: float) -> LocalWindow:
    """Lay a window of `side` voxels along each axis about a voxel of the scan, `zoom` times as coarse as the scan."""
    steps = scene.voxel_steps() * zoom
    shape = [side, side, side]
    centre = np.array(centre_ijk, np.float64)
    if scene.flat_axis is not None:
        shape[scene.flat_axis], steps[scene.flat_axis] = 1, 1.0
        centre[scene.flat_axis] = scene.ranges[scene.flat_axis][0]
    for axis in range(3):  # voxel upon voxel where both are as fine: nothing is blurred then
        if abs(steps[axis] - 1) < _SAME:
            half = (shape[axis] - 1) / 2
            steps[axis], centre[axis] = 1.0, np.floor(centre[axis] - half + 0.5) + half
    return LocalWindow((shape[0], shape[1], shape[2]), centre, steps, scene.ranges)


@functools.cache
def _linear_algebra() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep matrices to one thread: small as they are, two wait for each other, and for the viewer's, a hundredfold."""
    # One at a time, or the one that ends last would restore what the other one had set.
    with _LIMITING, _linear_algebra().limit(limits=1, user_api="blas"):
        yield


def _along_axes(array: FloatArray, matrices: list[FloatArray | None]) -> FloatArray:
    """Multiply matrices (new, old) along the axes of an array of three; None leaves an axis as it is."""
    result = array
    # The axis that shrinks most comes first: less is left for the others.
    order = sorted(range(3), key=lambda axis: _growth(matrices[axis]))
    for axis in order:
        matrix = matrices[axis]
        if matrix is not None:
            result = np.moveaxis(np.tensordot(matrix, result, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(result)


def _growth(matrix: FloatArray | None) -> float:
    return 1.0 if matrix is None else matrix.shape[0] / matrix.shape[1]
