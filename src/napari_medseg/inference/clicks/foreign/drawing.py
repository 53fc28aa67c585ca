"""Prompts as nnInteractive's network reads them: balls at points, lines of scribbles, filled boxes and lassos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari_medseg.inference.clicks.maps import PointArray
    from napari_medseg.inference.clicks.method import WindowView
    from napari_medseg.inference.clicks.window import BoolArray, FloatArray

_NEXT = 1.5
"""Distance along any axis up to which a point goes on with the scribble of the one before."""

_SHORTEST = 4
"""Points that make a scribble; fewer are points, each with its ball."""

_THICKEST = 2
"""Slices of a box that is drawn as it is: the network has only seen boxes on slices."""


@dataclass(frozen=True)
class Drawing:
    """How a network of nnInteractive wants prompts drawn; channels count from the one after the image.

    Parameters
    ----------
    radius : int
        Of a point's ball, in voxels.
    thickness : int
        Of a scribble's line, in voxels.
    decay : float
        How strong a prompt still is once there is a newer one of its kind.
    n_channels : int
        All channels after the image.
    previous : int
        Channel of the object so far.
    region, points, scribbles : tuple of int
        Channels of what is in the object, and of what is not.
    """

    radius: int
    thickness: int
    decay: float
    n_channels: int
    previous: int
    region: tuple[int, int]
    points: tuple[int, int]
    scribbles: tuple[int, int]

    @classmethod
    def of(cls, told: Any, n_channels: int) -> Drawing:
        """Read what a card tells of it.

        Raises
        ------
        ValueError, TypeError, KeyError
            If the card does not tell it.
        """
        pairs = {name: tuple(int(n) for n in told[name]) for name in ("region", "points", "scribbles")}
        previous = int(told["previous"])
        if any(len(pair) != 2 for pair in pairs.values()):
            raise ValueError("prompts have two channels each")
        if not all(0 <= n < n_channels for n in (previous, *(n for pair in pairs.values() for n in pair))):
            raise ValueError("there are not as many channels")
        return cls(int(told["radius"]), int(told["thickness"]), float(told["decay"]), n_channels, previous, **pairs)  # type: ignore[arg-type]


def draw_channels(view: WindowView, drawing: Drawing) -> FloatArray:
    """Return the image and everything drawn, shape (1 + n_channels, *window)."""
    channels = np.zeros((1 + drawing.n_channels, *view.image.shape), np.float32)
    channels[0] = view.image
    drawn = channels[1:]
    drawn[drawing.previous] = view.previous
    if view.prompts.region is not None:
        drawn[drawing.region[0]] = on_one_slice(view.prompts.region)
    ball = point_ball(drawing.radius)
    for sign, points in enumerate((view.prompts.positive, view.prompts.negative)):
        single, strokes = split_strokes(points)
        for age, point in enumerate(single[::-1]):
            _stamp(drawn[drawing.points[sign]], np.rint(point).astype(int), ball * np.float32(drawing.decay**age))
        for age, stroke in enumerate(strokes[::-1]):
            pen = _pen(stroke, drawing.thickness) * np.float32(drawing.decay**age)
            for point in np.rint(stroke).astype(int):
                _stamp(drawn[drawing.scribbles[sign]], point, pen)
    return channels


def point_ball(radius: int) -> FloatArray:
    """Return a ball that is 1 in its middle and falls with the distance to its outside."""
    from scipy.ndimage import distance_transform_edt

    axis = np.arange(-radius, radius + 1)
    inside = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 <= radius**2
    depth = distance_transform_edt(inside)
    return np.asarray(depth / depth.max(), np.float32)


def split_strokes(points: PointArray) -> tuple[PointArray, list[PointArray]]:
    """Tell single points from scribbles, which are runs of neighbouring voxels; both keep their order."""
    if not len(points):
        return points, []
    apart = np.abs(np.diff(points, axis=0)).max(axis=1) > _NEXT
    runs = np.split(points, np.flatnonzero(apart) + 1)
    single = [run for run in runs if len(run) < _SHORTEST]
    return np.concatenate([points[:0], *single]), [run for run in runs if len(run) >= _SHORTEST]


def on_one_slice(region: BoolArray) -> BoolArray:
    """Return a region that is at most `_THICKEST` thick: of a thicker one the slice in its middle."""
    found = [np.flatnonzero(region.any(axis=tuple(n for n in range(3) if n != axis))) for axis in range(3)]
    if not found[0].size:
        return region
    thin = min(range(3), key=lambda axis: found[axis][-1] - found[axis][0])
    if found[thin][-1] - found[thin][0] < _THICKEST:
        return region
    kept = np.zeros_like(region)
    middle: list[Any] = [slice(None)] * 3
    middle[thin] = (found[thin][0] + found[thin][-1]) // 2
    kept[tuple(middle)] = region[tuple(middle)]
    return kept


def _pen(stroke: PointArray, thickness: int) -> FloatArray:
    """Return what a scribble is drawn with: flat across the slice that it lies on."""
    sides = [thickness] * 3
    sides[int(np.argmin(np.ptp(stroke, axis=0)))] = 1
    return np.ones(sides, np.float32)


def _stamp(channel: FloatArray, middle: Any, shape: FloatArray) -> None:
    """Draw a shape about a voxel, as far as it lies in the window; what is stronger there stays."""
    starts = [int(at) - side // 2 for at, side in zip(middle, shape.shape, strict=True)]
    ends = [start + side for start, side in zip(starts, shape.shape, strict=True)]
    place = tuple(slice(max(0, a), max(0, min(b, n))) for a, b, n in zip(starts, ends, channel.shape, strict=True))
    piece = tuple(slice(one.start - a, one.stop - a) for one, a in zip(place, starts, strict=True))
    if all(one.start < one.stop for one in place):
        np.maximum(channel[place], shape[piece], out=channel[place])
