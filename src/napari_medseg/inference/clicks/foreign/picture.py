"""What a model of photographs is shown of a window: a picture of grey values, and prompts in its columns and rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_medseg.inference.clicks.window import FloatArray

if TYPE_CHECKING:
    from napari_medseg.inference.clicks.maps import PointArray
    from napari_medseg.inference.clicks.method import WindowView
    from napari_medseg.inference.clicks.window import BoolArray

_MOST_POINTS = 24
"""Points of one sign that are shown; of a long scribble they are taken evenly."""

Part = tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Picture:
    """The part of a window that lies in the scan. Its rows run along the window's second axis, as scans are displayed.

    Parameters
    ----------
    part : tuple of slice
        Where it lies in the window.
    grey : ndarray of uint8, shape (rows, columns)
        The darkest value 0, the brightest 255.
    points : ndarray of float32, shape (n, 2)
        Column and row of each point.
    positive : ndarray of int64, shape (n,)
        1 for points in the object, 0 for others.
    box : ndarray of float32, shape (4,), or None
        First column, first row, last column and last row of all boxes and lassos together. Where nothing points at the
        object but its mask, that of the mask.
    previous : ndarray of float32, shape (rows, columns), or None
        The object so far; None if there is nothing of it.
    """

    part: Part
    grey: npt.NDArray[np.uint8] = field(repr=False)
    points: npt.NDArray[np.float32]
    positive: npt.NDArray[np.int64]
    box: npt.NDArray[np.float32] | None
    previous: FloatArray | None = field(repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.grey.shape
        return rows, columns

    @property
    def is_asked(self) -> bool:
        """Whether anything says where the object is."""
        return bool(self.positive.any()) or self.box is not None

    def to_window(self, values: FloatArray, window: tuple[int, ...]) -> FloatArray:
        """Return values of the picture on the window, 0 elsewhere."""
        result = np.zeros(window, np.float32)
        result[self.part] = values.T
        return result


def draw_picture(view: WindowView) -> Picture | None:
    """Make a picture of a window of two axes; None if nothing of the window lies in the scan."""
    part = _part(view.inside)
    if part is None:
        return None
    starts = np.array([one.start for one in part])
    signs = ((view.prompts.positive, 1), (view.prompts.negative, 0))
    shown = [(_some(points) - starts, sign) for points, sign in signs]
    previous = np.ascontiguousarray(view.previous[part].T) if (view.previous[part] >= 0.5).any() else None
    box = None if view.prompts.region is None else _box(view.prompts.region[part].T)
    if box is None and not len(view.prompts.positive) and previous is not None:
        box = _box(previous >= 0.5)
    return Picture(
        part,
        _grey(np.ascontiguousarray(view.image[part].T)),
        np.concatenate([points for points, _ in shown]).astype(np.float32),
        np.concatenate([np.full(len(points), sign, np.int64) for points, sign in shown]),
        box,
        previous,
    )


def _part(inside: BoolArray) -> Part | None:
    """Return where a window lies in the scan; that is always a rectangle."""
    first, second = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
    if not len(first):
        return None
    return slice(int(first[0]), int(first[-1]) + 1), slice(int(second[0]), int(second[-1]) + 1)


def _some(points: PointArray) -> PointArray:
    if len(points) <= _MOST_POINTS:
        return points
    at = np.linspace(0, len(points) - 1, _MOST_POINTS).astype(int)
    return np.asarray(points[at])


def _grey(image: FloatArray) -> npt.NDArray[np.uint8]:
    low, high = float(image.min()), float(image.max())
    return np.asarray(np.rint((image - low) * (255 / max(high - low, 1e-6))), np.uint8)


def _box(mask: BoolArray) -> npt.NDArray[np.float32] | None:
    """Return the first column, first row, last column and last row of a mask; None if it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32)
