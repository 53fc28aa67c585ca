"""Prompts brought to the voxels of a scan, and from there into a window."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.prompt import BoxPrompt, LassoPrompt, PointPrompt
from napari_medseg.inference.clicks.answer import Extent
from napari_medseg.inference.clicks.maps import WindowPrompts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.prompt import ClickPrompt
    from napari_medseg.inference.clicks.scene import ClickScene
    from napari_medseg.inference.clicks.window import BoolArray, LocalWindow

Points = npt.NDArray[np.float64]

_FAR = 1e9
"""Voxels beyond which a position is not followed."""


@dataclass(frozen=True, eq=False)
class PlacedPrompts:
    """Prompts in voxels of a scan; of those that lie outside nothing is left.

    Parameters
    ----------
    positive, negative : ndarray, shape (n, 3)
        Voxels that are in the object, and that are not.
    boxes : tuple of (ndarray, ndarray)
        First and last voxel of each.
    lassos : tuple of (int, ndarray)
        Axis across the slice, and the corners, shape (n, 3).
    """

    positive: Points
    negative: Points
    boxes: tuple[Extent, ...] = ()
    lassos: tuple[tuple[int, Points], ...] = field(default=(), repr=False)

    @property
    def points_at(self) -> bool:
        """Whether anything says what the object is, rather than what it is not."""
        return bool(len(self.positive) or self.boxes or self.lassos)

    def extent(self) -> Extent:
        """Return the lowest and the highest voxel of what points at the object, or else of all, each of shape (3,)."""
        parts = [self.positive, *(np.stack(box) for box in self.boxes), *(corners for _, corners in self.lassos)]
        if not self.points_at:
            parts = [self.negative]
        points = np.concatenate(parts)
        return points.min(axis=0), points.max(axis=0)


def place_prompts(prompts: Sequence[ClickPrompt], scene: ClickScene) -> PlacedPrompts:
    """Bring prompts to the voxels of a scene; on a slice only those that touch it count.

    Raises
    ------
    MedsegError
        If none of them lies in the image.
    """
    positive: list[Points] = []
    negative: list[Points] = []
    boxes: list[Extent] = []
    lassos: list[tuple[int, Points]] = []
    for prompt in prompts:
        if isinstance(prompt, BoxPrompt):
            box = _box(prompt, scene)
            boxes += [] if box is None else [box]
        if isinstance(prompt, LassoPrompt):
            corners = prompt.to_ijk(scene.geometry)
            axis = prompt.slice_axis(scene.geometry) if scene.flat_axis is None else scene.flat_axis
            if _touches(corners, scene):
                lassos.append((axis, np.clip(corners, -_FAR, _FAR)))
    for at, is_positive in touched_voxels(prompts, scene):
        (positive if is_positive else negative).append(at)
    none = np.zeros((0, 3))
    placed = PlacedPrompts(
        np.concatenate([none, *positive]), np.concatenate([none, *negative]), tuple(boxes), tuple(lassos)
    )
    if not placed.points_at and not len(placed.negative):
        raise MedsegError("The prompt lies outside the image.", "Point at the image.")
    return placed


def prompts_in_window(placed: PlacedPrompts, window: LocalWindow, axes: tuple[int, ...]) -> WindowPrompts:
    """Bring prompts into a window, whose arrays have the given voxel axes of the scan."""
    keep = list(axes)
    region: BoolArray | None = None
    for drawn in (
        *(_box_in_window(box, window) for box in placed.boxes),
        *(_lasso_in_window(axis, corners, window) for axis, corners in placed.lassos),
    ):
        region = drawn if region is None else region | drawn
    return WindowPrompts(
        _distinct(window.to_window(placed.positive))[:, keep],
        _distinct(window.to_window(placed.negative))[:, keep],
        None if region is None else region.reshape([window.shape[axis] for axis in axes]),
    )


def touched_voxels(prompts: Sequence[ClickPrompt], scene: ClickScene) -> list[tuple[Points, bool]]:
    """Return, in order, the voxels that each point and scribble touches, shape (n, 3), and whether it is positive."""
    touched = []
    for prompt in prompts:
        if not isinstance(prompt, BoxPrompt | LassoPrompt):
            at = prompt.to_ijk(scene.geometry)
            line = at if isinstance(prompt, PointPrompt) else _line(at)
            touched.append((_voxels_within(line, scene), prompt.positive))
    return touched


def _voxels_within(points: Points, scene: ClickScene) -> Points:
    """Return the voxels next to points that lie in the scene, each once."""
    voxels = np.rint(np.clip(points, -_FAR, _FAR))
    low, high = np.array(scene.ranges, float).T
    within = ((voxels >= low) & (voxels < high)).all(axis=1)
    kept, first = np.unique(voxels[within], axis=0, return_index=True)
    return np.asarray(kept[np.argsort(first)], np.float64)


def _line(points: Points) -> Points:
    """Fill a line with points no further than a voxel apart."""
    points = np.clip(points, -_FAR, _FAR)
    parts = [points[:1]]
    for a, b in itertools.pairwise(points):
        n = min(max(1, int(np.ceil(2 * np.abs(b - a).max()))), 1 << 14)
        parts.append(a + (b - a) * (np.arange(1, n + 1) / n)[:, None])
    return np.concatenate(parts)


def _touches(points: Points, scene: ClickScene) -> bool:
    low, high = np.array(scene.ranges, float).T
    return bool((points.max(axis=0) >= low - 0.5).all() and (points.min(axis=0) <= high - 0.5).all())


def _box(prompt: BoxPrompt, scene: ClickScene) -> Extent | None:
    low, high = prompt.to_ijk(scene.geometry)
    if not _touches(np.stack([low, high]), scene):
        return None
    first, after = np.array(scene.ranges, float).T
    return np.clip(np.rint(low), first, after - 1), np.clip(np.rint(high), first, after - 1)


def _box_in_window(box: Extent, window: LocalWindow) -> BoolArray:
    parts = []
    for axis in range(3):
        at, half = window.positions(axis), _half(window, axis)
        parts.append((at >= box[0][axis] - half) & (at <= box[1][axis] + half))
    return np.asarray(parts[0][:, None, None] & parts[1][:, None] & parts[2])


def _lasso_in_window(axis: int, corners: Points, window: LocalWindow) -> BoolArray:
    """Fill a lasso on the slice that it was drawn on (even-odd rule at the voxels' centres)."""
    a, b = (n for n in range(3) if n != axis)
    x, y = np.meshgrid(window.positions(a), window.positions(b), indexing="ij")
    filled = np.zeros(x.shape, bool)
    for p, q in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if p[b] == q[b]:
            continue
        crosses = (p[b] > y) != (q[b] > y)
        filled ^= crosses & (x < (q[a] - p[a]) * (y - p[b]) / (q[b] - p[b]) + p[a])
    near = np.abs(window.positions(axis) - np.rint(corners[:, axis].mean())) <= _half(window, axis)
    return np.asarray(np.moveaxis(filled[..., None] & near, -1, axis))


def _half(window: LocalWindow, axis: int) -> float:
    """Return how far from a slice a voxel of the window still shows it: no slice is lost between two."""
    return max(0.5, float(window.steps[axis]) / 2) + 1e-6


def _distinct(points: Points) -> Points:
    """Leave one of the points that share a voxel of a coarse window."""
    if len(points) < 2:
        return points
    _, first = np.unique(np.rint(points), axis=0, return_index=True)
    return points[np.sort(first)]
