"""Where the windows of a large volume lie, and how much each of their voxels counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Shape3 = tuple[int, int, int]

_SIGMA_OF_WINDOW = 0.125
_SMALLEST_WEIGHT = 1e-3


@dataclass(frozen=True)
class WindowPlan:
    """Windows that cover a volume.

    Parameters
    ----------
    shape : tuple of int
        Voxels of the volume along its three axes.
    window : tuple of int
        Voxels of a window.
    starts : tuple of tuple of int
        First voxels of the windows along each axis. Along an axis shorter than the window it is 0 alone, and the window
        hangs over the end.
    """

    shape: Shape3
    window: Shape3
    starts: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return math.prod(len(starts) for starts in self.starts)

    @property
    def rolling_axis(self) -> int:
        """The axis along which the volume is finished slab by slab: the longest, since the slab spans the others."""
        return max(range(3), key=lambda axis: self.shape[axis])


def plan_windows(shape: Shape3, window: Shape3, overlap: float) -> WindowPlan:
    """Cover a volume with overlapping windows, the last one along each axis moved back inside.

    The positions are those of MONAI's ``sliding_window_inference`` (``dense_patch_slices`` with an interval of
    ``int(window × (1 − overlap))``), so that results can be compared voxel by voxel.

    Parameters
    ----------
    shape : tuple of int
        Voxels of the volume.
    window : tuple of int
        Voxels of a window.
    overlap : float
        Part of a window that its neighbour shares, in [0, 1).

    Raises
    ------
    ValueError
        If the overlap is out of range.
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"Windows overlap by a part in [0, 1), not {overlap}.")
    first, second, third = (_starts(n, size, overlap) for n, size in zip(shape, window, strict=True))
    return WindowPlan(shape, window, (first, second, third))


def gaussian_weights(window: Shape3) -> npt.NDArray[np.float32]:
    """Return how much each voxel of a window counts where windows overlap.

    A Gaussian about the centre, σ an eighth of the window (Isensee et al., nnU-Net, Nature Methods 2021),
    at least 0.001
    so that no covered voxel is lost.
    """
    weights = np.ones((1, 1, 1))
    for axis, size in enumerate(window):
        x = np.arange(size) - (size - 1) / 2
        profile = np.exp(-(x**2) / (2 * (_SIGMA_OF_WINDOW * size) ** 2))
        weights = weights * np.expand_dims(profile, [n for n in range(3) if n != axis])
    return np.maximum(weights, _SMALLEST_WEIGHT).astype(np.float32)


def _starts(n: int, size: int, overlap: float) -> tuple[int, ...]:
    if n <= size:
        return (0,)
    interval = max(1, int(size * (1 - overlap)))
    count = math.ceil((n - size) / interval) + 1
    return tuple(min(index * interval, n - size) for index in range(count))
