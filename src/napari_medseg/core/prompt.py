"""What a user points at, in patient millimetres: points, boxes, scribbles and lassos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.core.geometry import Geometry

Point = tuple[float, float, float]

MOST_POINTS = 10_000
"""Of a scribble or a lasso: a hand draws some hundred a minute."""


@dataclass(frozen=True)
class PointPrompt:
    """A click: this voxel belongs to the object, or does not.

    Parameters
    ----------
    point_ras : tuple of float
        RAS mm.
    positive : bool
        Whether it belongs to the object.
    """

    point_ras: Point
    positive: bool = True

    @classmethod
    def from_ijk(cls, point_ijk: npt.ArrayLike, geometry: Geometry, *, positive: bool = True) -> PointPrompt:
        """Make a point from continuous voxel coordinates, shape (3,)."""
        return cls(_points(geometry.ijk_to_ras([np.asarray(point_ijk, float)]))[0], positive)

    def to_ijk(self, geometry: Geometry) -> FloatArray:
        """Return the point in continuous voxel coordinates, shape (1, 3)."""
        return geometry.ras_to_ijk([self.point_ras])


@dataclass(frozen=True)
class BoxPrompt:
    """A box along the voxel axes of a scan; a model looks for its structures inside only.

    Parameters
    ----------
    corner_a_ras, corner_b_ras : tuple of float
        Two opposite corners in RAS mm.
    """

    corner_a_ras: Point
    corner_b_ras: Point

    @classmethod
    def from_ijk(cls, low_ijk: npt.ArrayLike, high_ijk: npt.ArrayLike, geometry: Geometry) -> BoxPrompt:
        """Make a box from two opposite corners in continuous voxel coordinates, each of shape (3,)."""
        a, b = _points(geometry.ijk_to_ras([np.asarray(low_ijk, float), np.asarray(high_ijk, float)]))
        return cls(a, b)

    def to_ijk(self, geometry: Geometry) -> tuple[FloatArray, FloatArray]:
        """Return the lowest and highest corner in continuous voxel coordinates, each of shape (3,)."""
        corners = geometry.ras_to_ijk([self.corner_a_ras, self.corner_b_ras])
        return corners.min(axis=0), corners.max(axis=0)

    def voxels(self, geometry: Geometry) -> tuple[slice, slice, slice]:
        """Return the voxels whose centres lie in the box, clipped to the volume; slices may be empty."""
        low, high = self.to_ijk(geometry)
        tolerance = 1e-6
        starts = np.clip(np.ceil(low - tolerance), 0, geometry.shape).astype(int)
        stops = np.clip(np.floor(high + tolerance) + 1, 0, geometry.shape).astype(int)
        i, j, k = (slice(int(a), max(int(a), int(b))) for a, b in zip(starts, stops, strict=True))
        return i, j, k


@dataclass(frozen=True)
class ScribblePrompt:
    """A line drawn by hand: what it runs through belongs to the object, or does not.

    Parameters
    ----------
    points_ras : tuple of tuple of float
        RAS mm, one after another along the line.
    positive : bool
        Whether it belongs to the object.
    """

    points_ras: tuple[Point, ...]
    positive: bool = True

    def __post_init__(self) -> None:
        _require_points("A scribble", self.points_ras, 1)

    @classmethod
    def from_ijk(cls, points_ijk: npt.ArrayLike, geometry: Geometry, *, positive: bool = True) -> ScribblePrompt:
        """Make a scribble from continuous voxel coordinates, shape (n, 3)."""
        return cls(_points(geometry.ijk_to_ras(points_ijk)), positive)

    def to_ijk(self, geometry: Geometry) -> FloatArray:
        """Return its points in continuous voxel coordinates, shape (n, 3)."""
        return geometry.ras_to_ijk(self.points_ras)


@dataclass(frozen=True)
class LassoPrompt:
    """A closed line around the object, drawn on one slice; it closes from the last point to the first.

    Parameters
    ----------
    points_ras : tuple of tuple of float
        RAS mm, at least three.
    """

    points_ras: tuple[Point, ...]

    def __post_init__(self) -> None:
        _require_points("A lasso", self.points_ras, 3)

    @classmethod
    def from_ijk(cls, points_ijk: npt.ArrayLike, geometry: Geometry) -> LassoPrompt:
        """Make a lasso from continuous voxel coordinates, shape (n, 3)."""
        return cls(_points(geometry.ijk_to_ras(points_ijk)))

    def to_ijk(self, geometry: Geometry) -> FloatArray:
        """Return its points in continuous voxel coordinates, shape (n, 3)."""
        return geometry.ras_to_ijk(self.points_ras)

    def slice_axis(self, geometry: Geometry) -> int:
        """Return the voxel axis across the slice that it was drawn on: the one along which it extends least."""
        return int(np.argmin(np.ptp(self.to_ijk(geometry), axis=0)))


Prompt: TypeAlias = BoxPrompt
"""What a model takes that finds its structures by itself."""

ClickPrompt: TypeAlias = PointPrompt | BoxPrompt | ScribblePrompt | LassoPrompt
"""What points at one object."""


def _points(points: Iterable[Iterable[float]]) -> tuple[Point, ...]:
    return tuple((float(x), float(y), float(z)) for x, y, z in points)


def _require_points(what: str, points: tuple[Point, ...], fewest: int) -> None:
    if not fewest <= len(points) <= MOST_POINTS:
        raise ValueError(f"{what} has {fewest} to {MOST_POINTS} points, not {len(points)}.")
