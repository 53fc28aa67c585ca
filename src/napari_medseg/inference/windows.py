"""Where the windows of a large volume lie, and how much each of their voxels counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Shape3 = tuple[int, int, int]
Blending = Literal["gaussian", "constant"]

_SIGMA_OF_WINDOW = 0.125
_SMALLEST_WEIGHT = 1e-3
_HIGHEST_OF_NNUNET, _SMALLEST_OF_NNUNET = 10.0, 1e-6
"""Its smallest weight is the smallest number of float16, and is lost when scores are summed in that."""


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
    as_nnunet : bool
        Whether the windows are weighted as by nnU-Net.
    blending : {"gaussian", "constant"}
        Whether the middle of a window counts more, or all of it alike.
    """

    shape: Shape3
    window: Shape3
    starts: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    as_nnunet: bool = False
    blending: Blending = "gaussian"

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return math.prod(len(starts) for starts in self.starts)

    @property
    def axis_order(self) -> Shape3:
        """The axes from the longest to the shortest: windows come in this order, the last one changing fastest.

        What neighbouring layers share spans the other axes, so it is smallest along the longest one.
        """
        first, second, third = sorted(range(3), key=lambda axis: -self.shape[axis])
        return first, second, third

    @property
    def middle(self) -> Shape3:
        """The first voxel of the window in the middle."""
        i, j, k = (starts[len(starts) // 2] for starts in self.starts)
        return i, j, k

    def begin(self, number: Shape3) -> Shape3:
        """Return the first voxel of a window, which is told by its number along each axis."""
        i, j, k = (starts[n] for starts, n in zip(self.starts, number, strict=True))
        return i, j, k

    def share(self, axis: int, number: int) -> tuple[int, int, int]:
        """Return how many planes of a window lie in earlier ones, are complete with it, and lie in later ones."""
        starts, n = self.starts[axis], self.shape[axis]
        size, begin = min(self.window[axis], n), starts[number]
        shared = starts[number - 1] + size - begin if number else 0
        complete = (starts[number + 1] if number + 1 < len(starts) else n) - begin
        return max(shared, 0), complete, size - complete

    def block(self, number: Shape3) -> tuple[slice, slice, slice]:
        """Return the voxels that are complete with a window: from where it begins to where the next one does."""
        i, j, k = (
            slice(starts[m], starts[m + 1] if m + 1 < len(starts) else n)
            for starts, m, n in zip(self.starts, number, self.shape, strict=True)
        )
        return i, j, k

    def carry_shape(self, level: int) -> Shape3:
        """Return the shape of what neighbouring windows share along an axis, the `level`-th of `axis_order`.

        It has a window's extent along earlier axes, and the volume's along later ones.
        """
        shape = list(self.shape)
        for axis in self.axis_order[:level]:
            shape[axis] = min(self.window[axis], self.shape[axis])
        axis = self.axis_order[level]
        shape[axis] = max(self.share(axis, number)[2] for number in range(len(self.starts[axis])))
        return shape[0], shape[1], shape[2]


def plan_windows(
    shape: Shape3, window: Shape3, overlap: float, *, even: bool = False, blending: Blending = "gaussian"
) -> WindowPlan:
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
    even : bool
        Whether to spread the windows evenly instead, at the positions of nnU-Net's
        ``compute_steps_for_sliding_window``, and to weight them as it does.
    blending : {"gaussian", "constant"}
        How windows are weighted.

    Raises
    ------
    ValueError
        If the overlap is out of range.
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"Windows overlap by a part in [0, 1), not {overlap}.")
    place = _even_starts if even else _starts
    first, second, third = (place(n, size, overlap) for n, size in zip(shape, window, strict=True))
    return WindowPlan(shape, window, (first, second, third), even, blending)


def window_weights(plan: WindowPlan) -> npt.NDArray[np.float32]:
    """Return how much each voxel of a plan's windows counts where they overlap."""
    if plan.blending == "constant":
        return np.ones(plan.window, dtype=np.float32)
    return gaussian_weights(plan.window, as_nnunet=plan.as_nnunet)


def gaussian_weights(window: Shape3, *, as_nnunet: bool = False) -> npt.NDArray[np.float32]:
    """Return how much each voxel of a window counts where windows overlap.

    A Gaussian about the centre, σ an eighth of the window (Isensee et al., nnU-Net, Nature Methods 2021), with a
    smallest weight so that no covered voxel is lost. nnU-Net's own centre is a voxel, also of windows of even size, and
    its smallest weight smaller: near the faces of a volume all weights are below MONAI's smallest one, 0.001 of the
    highest.
    """
    weights = np.ones((1, 1, 1))
    for axis, size in enumerate(window):
        x = np.arange(size) - (size // 2 if as_nnunet else (size - 1) / 2)
        profile = np.exp(-(x**2) / (2 * (_SIGMA_OF_WINDOW * size) ** 2))
        weights = weights * np.expand_dims(profile, [n for n in range(3) if n != axis])
    if as_nnunet:
        return np.maximum(weights * _HIGHEST_OF_NNUNET, _SMALLEST_OF_NNUNET).astype(np.float32)
    return np.maximum(weights, _SMALLEST_WEIGHT).astype(np.float32)


def _starts(n: int, size: int, overlap: float) -> tuple[int, ...]:
    if n <= size:
        return (0,)
    interval = max(1, int(size * (1 - overlap)))
    count = math.ceil((n - size) / interval) + 1
    return tuple(min(index * interval, n - size) for index in range(count))


def _even_starts(n: int, size: int, overlap: float) -> tuple[int, ...]:
    if n <= size:
        return (0,)
    count = math.ceil((n - size) / (size * (1 - overlap))) + 1
    # Windows of one plane would come twice.
    return tuple(dict.fromkeys(round((n - size) / (count - 1) * index) for index in range(count)))
