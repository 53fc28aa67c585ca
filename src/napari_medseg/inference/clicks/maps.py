"""Prompts in a window, and the channels that a click network reads: the same code for training and for use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_medseg.inference.clicks.window import BoolArray

if TYPE_CHECKING:
    from napari_medseg.inference.clicks.window import FloatArray

CHANNELS = ("image", "difference", "positive", "negative", "region", "previous")
"""What a network reads: the image; how far its intensities are from those at the positive prompts; soft balls at the
positive and the negative prompts; 1 inside boxes and lassos; the object so far."""

_BALL_DEVIATION = 1.7
"""Voxels of the window: a click is seen at every level of a network, and does not hide what it points at."""

_REACH = 5
_MOST_SAMPLES = 12
"""Positive points whose intensities are compared with: enough for a scribble across several tissues."""

_FARTHEST = 3.0
"""Difference of intensities, in standard deviations of the window, beyond which it is all the same."""

PointArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WindowPrompts:
    """Prompts in voxels of a window of two or three axes.

    Parameters
    ----------
    positive, negative : ndarray, shape (n, axes)
        Points; of scribbles one a voxel.
    region : ndarray of bool or None
        Inside of boxes and lassos; None if there are none.
    """

    positive: PointArray
    negative: PointArray
    region: BoolArray | None = field(default=None, repr=False)


def ball_map(points: PointArray, shape: tuple[int, ...]) -> FloatArray:
    """Draw a soft ball of height 1 at each point; points outside show as far as they reach in.

    Parameters
    ----------
    points : ndarray, shape (n, axes)
        In voxels.
    shape : tuple of int
        Of the window.
    """
    drawn = np.zeros(shape, np.float32)
    for point in points:
        low = np.maximum(np.floor(point).astype(int) - _REACH, 0)
        high = np.minimum(np.floor(point).astype(int) + _REACH + 2, shape)
        if (low >= high).any():
            continue
        ball = np.ones((), np.float32)
        for a, b, at in zip(low, high, point, strict=True):
            profile = np.exp(-((np.arange(a, b) - at) ** 2) / (2 * _BALL_DEVIATION**2)).astype(np.float32)
            ball = ball[..., None] * profile
        part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        np.maximum(drawn[part], ball, out=drawn[part])
    return drawn


def scaled_intensity(image: FloatArray, inside: BoolArray, limits: tuple[float, float] | None) -> FloatArray:
    """Cut intensities of a window at the limits of the display, and bring them to mean 0 and deviation 1.

    Parameters
    ----------
    image : ndarray of float32
        Intensities.
    inside : ndarray of bool
        Which voxels lie in the scan; the others become 0.
    limits : tuple of float or None
        None takes the percentiles 0.5 and 99.5 of the window.
    """
    known = image[inside]
    if not known.size:
        return np.zeros_like(image)
    low, high = np.percentile(known, (0.5, 99.5)) if limits is None else limits
    cut = np.clip(image, low, high)
    known = np.clip(known, low, high)
    deviation = float(known.std())
    scaled = (cut - known.mean()) / (deviation if deviation > 0 else 1.0)
    return np.where(inside, scaled, 0).astype(np.float32)


def difference_map(image: FloatArray, positive: PointArray) -> FloatArray:
    """Return how far each voxel's intensity is from that at the nearest of the positive points, by intensity."""
    levels = _levels(image, positive)
    if not levels:
        return np.zeros_like(image)
    nearest = np.full(image.shape, _FARTHEST, np.float32)
    for level in levels:
        np.minimum(nearest, np.abs(image - level), out=nearest)
    return nearest


def network_channels(image: FloatArray, prompts: WindowPrompts, previous: FloatArray) -> FloatArray:
    """Stack what a click network reads, shape (len(CHANNELS), *window).

    Parameters
    ----------
    image : ndarray of float32
        From `scaled_intensity`.
    prompts : WindowPrompts
        In the window's voxels.
    previous : ndarray of float32
        Share of each voxel that belongs to the object so far.
    """
    shape = image.shape
    region = np.zeros(shape, np.float32) if prompts.region is None else prompts.region.astype(np.float32)
    parts = [
        image,
        difference_map(image, prompts.positive),
        ball_map(prompts.positive, shape),
        ball_map(prompts.negative, shape),
        region,
        previous,
    ]
    return np.stack(parts).astype(np.float32, copy=False)


def _levels(image: FloatArray, points: PointArray) -> list[float]:
    """Return the mean intensity next to each point in the window, of at most `_MOST_SAMPLES`."""
    within = [point for point in np.rint(points).astype(int) if (point >= 0).all() and (point < image.shape).all()]
    if len(within) > _MOST_SAMPLES:
        within = [within[n] for n in np.linspace(0, len(within) - 1, _MOST_SAMPLES).astype(int)]
    return [float(image[tuple(slice(max(0, at - 1), at + 2) for at in point)].mean()) for point in within]
