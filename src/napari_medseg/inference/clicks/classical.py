"""Click methods without a network: intensity-bounded growing, geodesic distance and the random walker.

They see one window and grow no further than `largest_zoom`: local, and bounded in time and memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.clicks.maps import PointArray
    from napari_medseg.inference.clicks.method import ClickMethod, WindowView
    from napari_medseg.inference.clicks.window import BoolArray, FloatArray

_SIDES = {2: 128, 3: 48}
_SEED_RADIUS = 1.5
_CORE_DEPTH = 3.0
"""Voxels within the object so far, from its surface, that stay in it unless a negative prompt is near."""

_NEAR = 12.0
"""Voxels about a new prompt in which the object so far says nothing."""

_SMOOTHED = 0.8
_MOST_DEVIATIONS = 2.5
_FEWEST_LEVELS, _MOST_LEVELS = 0.3, 0.7
"""Bounds of the tolerance of growing, in standard deviations of the window."""


class Growing:
    """Everything connected to the positive prompts whose intensity is like theirs, with holes filled."""

    name = "Intensity-bounded growing"
    spatial_dims = (2, 3)
    largest_zoom = 4.0

    def side(self, spatial_dims: int) -> int:
        """Return the voxels of its window along each axis."""
        return {2: 128, 3: 64}[spatial_dims]

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return 1 in the object and 0 elsewhere, the object so far added where no negative prompt is near."""
        from scipy.ndimage import binary_dilation, binary_fill_holes, binary_opening, gaussian_filter, label

        seeds = seeds_of(view)
        if cancel is not None:
            cancel.raise_if_cancelled()
        if not seeds.positive.any():
            return view.previous
        smooth = gaussian_filter(view.image, _SMOOTHED)
        level, tolerance = _level_and_tolerance(smooth, view, seeds)
        like = (np.abs(smooth - level) <= tolerance) & view.inside & ~seeds.negative | seeds.positive
        if view.prompts.region is not None:
            like &= view.prompts.region | seeds.positive
        opened = binary_opening(like) | seeds.positive  # cuts bridges of a voxel
        parts, _ = label(opened)
        kept = np.isin(parts, np.unique(parts[seeds.positive & opened]))
        # At its border an object is blurred into what is around it: a voxel more may differ twice as much.
        kept = kept & opened
        kept |= binary_dilation(kept) & (np.abs(smooth - level) <= 2 * tolerance) & view.inside
        if view.prompts.region is not None:
            kept &= view.prompts.region | seeds.positive
        filled = binary_fill_holes(kept) & ~seeds.negative
        return np.asarray(filled, np.float32)


class Geodesic:
    """What is nearer to the positive prompts than to the negative ones, where edges make ways longer.

    Criminisi et al., GeoS, ECCV 2008. Without a negative prompt the window's border takes their place.
    """

    name = "Geodesic distance"
    spatial_dims = (2, 3)
    largest_zoom = 4.0

    def side(self, spatial_dims: int) -> int:
        """Return the voxels of its window along each axis."""
        return _SIDES[spatial_dims]

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return how much nearer the negative seeds are: 0.5 is half way."""
        seeds = seeds_of(view)
        if not seeds.positive.any():
            return view.previous
        positive = _ways(view, seeds.positive)
        if cancel is not None:
            cancel.raise_if_cancelled()
        negative = _ways(view, seeds.with_border())
        return np.asarray(negative / np.maximum(positive + negative, 1e-6), np.float32)


class RandomWalker:
    """Where a walker that avoids edges first meets a positive prompt (Grady, PAMI 2006); on images and slices.

    Without a negative prompt the window's border takes their place. In three dimensions a walker meets a border long
    before it meets a point.
    """

    name = "Random walker"
    spatial_dims = (2,)
    largest_zoom = 4.0

    def side(self, spatial_dims: int) -> int:
        """Return the voxels of its window along each axis."""
        return _SIDES[spatial_dims]

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return the chance of meeting a positive seed first."""
        from skimage.segmentation import random_walker

        seeds = seeds_of(view)
        if not seeds.positive.any():
            return view.previous
        marks = np.zeros(view.image.shape, np.int32)
        marks[seeds.with_border()] = 2
        marks[seeds.positive] = 1
        if cancel is not None:
            cancel.raise_if_cancelled()
        found = random_walker(view.image, marks, beta=90, mode="cg_j", tol=1e-2, prob_tol=1.0, return_full_prob=True)
        return np.asarray(np.clip(found[0], 0, 1), np.float32)


CLASSICAL: dict[str, type[ClickMethod]] = {"growing": Growing, "geodesic": Geodesic, "random-walker": RandomWalker}
"""The methods that need no weights, by the names that scripts use."""


class Seeds:
    """Voxels that are in the object, and that are not.

    Parameters
    ----------
    positive, negative : ndarray of bool
        Of the window's shape; no voxel is in both.
    """

    def __init__(self, positive: BoolArray, negative: BoolArray) -> None:
        self.positive = positive
        self.negative = negative

    def with_border(self) -> BoolArray:
        """Return the negative seeds, with the window's border."""
        border = np.ones(self.negative.shape, bool)
        border[tuple(slice(1, -1) for _ in border.shape)] = False
        return (self.negative | border) & ~self.positive


def seeds_of(view: WindowView) -> Seeds:
    """Make seeds of prompts and of the object so far: its core, and what lies well outside of it."""
    from scipy.ndimage import distance_transform_edt

    prompts = view.prompts
    near_positive, near_negative = _distance(prompts.positive, view), _distance(prompts.negative, view)
    positive, negative = near_positive <= _SEED_RADIUS, near_negative <= _SEED_RADIUS
    before = view.previous >= 0.5
    if before.any():
        depth = distance_transform_edt(before)
        positive |= (depth >= min(_CORE_DEPTH, depth.max() / 2)) & (near_negative > _NEAR)
        negative |= (distance_transform_edt(~before) >= _CORE_DEPTH) & (near_positive > _NEAR)
    elif prompts.region is not None:
        depth = distance_transform_edt(prompts.region)
        if not positive.any():
            positive |= depth >= max(1.0, 0.7 * depth.max())
        negative |= ~prompts.region
    negative &= near_positive > _SEED_RADIUS
    positive &= near_negative > _SEED_RADIUS
    return Seeds(positive & view.inside & ~negative, negative & ~positive)


def _distance(points: PointArray, view: WindowView) -> npt.NDArray[np.float32]:
    """Return the distance of each voxel to the nearest point; infinite without points."""
    nearest = np.full(view.image.shape, np.inf, np.float32)
    sides: tuple[int, ...] = view.image.shape
    axes = np.ix_(*[np.arange(side) for side in sides])
    for point in points[:: max(1, len(points) // 64)]:  # of a long scribble every few
        squares = np.zeros((), np.float32)
        for axis, at in zip(axes, point, strict=True):
            squares = squares + ((axis - at) ** 2).astype(np.float32)
        np.minimum(nearest, squares, out=nearest)
    return np.sqrt(nearest)


def _level_and_tolerance(image: FloatArray, view: WindowView, seeds: Seeds) -> tuple[float, float]:
    """Return the median intensity at the positive seeds, and how far from it the object reaches."""
    values = image[seeds.positive]
    level = float(np.median(values))
    spread = 1.48 * float(np.median(np.abs(values - level)))
    tolerance = min(max(_MOST_DEVIATIONS * spread, _FEWEST_LEVELS), _MOST_LEVELS)
    points = np.rint(view.prompts.negative).astype(int)
    for point in points[((points >= 0) & (points < image.shape)).all(axis=1)]:
        apart = abs(float(image[tuple(point)]) - level)
        if apart > _FEWEST_LEVELS / 2:  # it can be told by its intensity
            tolerance = min(tolerance, 0.9 * apart)
    return level, tolerance


def _ways(view: WindowView, seeds: BoolArray) -> npt.NDArray[np.float32]:
    """Return the length of the shortest way from any seed to each voxel."""
    from scipy.ndimage import gaussian_gradient_magnitude
    from skimage.graph import MCP_Geometric

    cost = 0.02 + gaussian_gradient_magnitude(view.image, 0.7)
    ways, _ = MCP_Geometric(cost).find_costs(np.argwhere(seeds))
    return np.asarray(ways, np.float32)
