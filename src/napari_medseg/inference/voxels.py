"""Windows cut from a volume of any number type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.inference.windows import Shape3

_SAMPLED_VOXELS = 500_000
_DARK = 0.15
"""A window that stays below this part of the volume's range holds air and noise."""


class VolumeWindows:
    """Reads windows, and passes over those where there is nothing to see.

    Parameters
    ----------
    voxels : ndarray, shape (i, j, k)
        Any real type; values that are not finite count as the lowest finite one.
    window : tuple of int
        Voxels of a window; the part beyond the volume's end is not read.
    skip_dark : bool
        Pass over windows that hold only the darkest part of the volume's range. For networks that normalise each window
        by itself, to which noise in air would look like tissue. Constant windows are always passed over.
    """

    def __init__(self, voxels: npt.NDArray[Any], window: Shape3, *, skip_dark: bool) -> None:
        self._voxels = voxels
        self._window = window
        self._floor = lowest_finite(voxels)
        self._dark_below = _dark_limit(voxels) if skip_dark else -np.inf

    def read(self, starts: Shape3) -> torch.Tensor | None:
        """Return the voxels of the window (i, j, k) as float32, or None if there is nothing to see."""
        values, is_empty = self.look(starts)
        return None if is_empty else values

    def look(self, starts: Shape3) -> tuple[torch.Tensor, bool]:
        """Return the voxels of the window in any case, and whether there is nothing to see."""
        block = self._voxels[tuple(slice(a, a + n) for a, n in zip(starts, self._window, strict=True))]
        values = finite_float32(block, self._floor)
        highest = float(values.max())
        return torch.from_numpy(values), highest <= self._dark_below or highest == float(values.min())


class ChannelWindows:
    """Reads windows of several images on one grid, and passes over those where there is nothing to see in any.

    Parameters
    ----------
    channels : sequence of ndarray, shape (i, j, k)
        The images.
    window : tuple of int
        Voxels of a window.
    skip_dark : sequence of bool
        As for `VolumeWindows`, for each image.
    """

    def __init__(self, channels: Sequence[npt.NDArray[Any]], window: Shape3, *, skip_dark: Sequence[bool]) -> None:
        self._channels = [
            VolumeWindows(voxels, window, skip_dark=skip) for voxels, skip in zip(channels, skip_dark, strict=True)
        ]

    def read(self, starts: Shape3) -> torch.Tensor | None:
        """Return the voxels of the window (channel, i, j, k) as float32, or None if there is nothing to see."""
        seen = [channel.look(starts) for channel in self._channels]
        if all(is_empty for _, is_empty in seen):
            return None
        return torch.stack([values for values, _ in seen])


def lowest_finite(voxels: npt.NDArray[Any]) -> float:
    """Return the lowest finite value; 0 if there is none."""
    if voxels.dtype.kind != "f":
        return float(voxels.min())
    lowest = float(voxels.min())
    if np.isfinite(lowest):
        return lowest
    lowest = np.inf
    for plane in voxels:  # a plane at a time: no mask of the whole volume
        finite = plane[np.isfinite(plane)]
        lowest = min(lowest, float(finite.min(initial=np.inf)))
    return lowest if np.isfinite(lowest) else 0.0


def finite_float32(voxels: npt.NDArray[Any], floor: float) -> npt.NDArray[np.float32]:
    """Return a contiguous float32 copy in which values that are not finite are `floor`."""
    values = np.array(voxels, dtype=np.float32, order="C")
    if voxels.dtype.kind == "f":
        if not np.isfinite(values.sum(dtype=np.float64)):  # quicker than asking each
            values[~np.isfinite(values)] = floor
    return values


def _dark_limit(voxels: npt.NDArray[Any]) -> float:
    """Return the intensity below which there is only air, from a regular sample of the volume."""
    step = max(1, round((voxels.size / _SAMPLED_VOXELS) ** (1 / 3)))
    sample = voxels[::step, ::step, ::step]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return -np.inf
    low, high = np.percentile(sample, (1, 99))
    return float(low + _DARK * (high - low))
