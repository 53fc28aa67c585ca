"""Which pixel centres lie inside polygons, by the even-odd rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_medseg.core.affine import FloatArray

ON_CONTOUR = 0.01
"""A centre this near to a contour, in pixels, lies on it: contours drawn through pixel centres, by tools that follow
the outermost pixels, are rounded to about so much."""

_CROSSINGS_AT_ONCE = 1 << 20

Mask = npt.NDArray[np.bool_]


def fill(polygons: Sequence[FloatArray], shape: tuple[int, int]) -> Mask:
    """Return the pixels whose centres lie inside of an odd number of polygons, or on one of them.

    A polygon in another makes a hole, and so does a keyhole: a channel of no width, walked along to and fro.

    Parameters
    ----------
    polygons : sequence of ndarray, shape (n, 2)
        Corners (x, y) in pixels, 0 being the centre of the first; closed from the last corner to the first.
    shape : tuple of int
        Pixels along x and along y.

    Returns
    -------
    ndarray of bool, shape (x, y)
    """
    n_x, n_y = shape
    toggles = np.zeros((n_y, n_x + 1), np.uint8)
    on_edge = np.zeros((n_y, n_x), bool)
    for polygon in polygons:
        for low, high in _edges(polygon):
            _toggle(toggles, low, high)
            _mark_flat(on_edge, low, high)
            _mark_steep(on_edge, low, high)
    inside = np.bitwise_xor.accumulate(toggles[:, :-1], axis=1).astype(bool)
    return np.asarray((inside | on_edge).T)


def contains(polygons: Sequence[FloatArray], points: FloatArray) -> Mask:
    """Return which of any points, shape (n, 2), lie inside of an odd number of polygons."""
    order = np.argsort(points[:, 1], kind="stable")
    x, y = points[order, 0], points[order, 1]
    inside = np.zeros(len(points), bool)
    for polygon in polygons:
        for low, high in _edges(polygon):
            for (x0, y0), (x1, y1) in zip(low.tolist(), high.tolist(), strict=True):
                first, last = np.searchsorted(y, (y0, y1))
                if first < last:
                    part = slice(first, last)
                    inside[part] ^= x[part] >= x0 + (y[part] - y0) * ((x1 - x0) / (y1 - y0))
    result = np.empty_like(inside)
    result[order] = inside
    return result


def _edges(polygon: FloatArray) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield the lower and the higher ends of edges, some at a time.

    The same two corners give the same edge whichever way it is walked, so that a channel cancels to the last bit.
    """
    following = np.roll(polygon, -1, axis=0)
    turned = (polygon[:, 1] > following[:, 1]) | (
        (polygon[:, 1] == following[:, 1]) & (polygon[:, 0] > following[:, 0])
    )
    low = np.where(turned[:, np.newaxis], following, polygon)
    high = np.where(turned[:, np.newaxis], polygon, following)
    heights = np.cumsum(high[:, 1] - low[:, 1] + 2)
    parts = np.searchsorted(heights, np.arange(0, heights[-1], _CROSSINGS_AT_ONCE)).tolist() if len(heights) else []
    for start, stop in zip(parts, [*parts[1:], len(low)], strict=True):
        yield low[start:stop], high[start:stop]


def _toggle(toggles: npt.NDArray[np.uint8], low: FloatArray, high: FloatArray) -> None:
    """Change inside and outside from the first pixel at or behind each crossing of an edge and a row."""
    n_y, n_x = toggles.shape[0], toggles.shape[1] - 1
    first = np.clip(np.ceil(low[:, 1]), 0, n_y).astype(np.intp)
    stop = np.clip(np.ceil(high[:, 1]), 0, n_y).astype(np.intp)
    edge, row = _rows(first, stop)
    x = _crossing(low[edge], high[edge], row)
    column = np.clip(np.ceil(x), 0, n_x).astype(np.intp)
    counts = np.bincount(row * (n_x + 1) + column, minlength=toggles.size)
    toggles ^= (counts & 1).astype(np.uint8).reshape(toggles.shape)


def _mark_steep(on_edge: Mask, low: FloatArray, high: FloatArray) -> None:
    n_y, n_x = on_edge.shape
    steep = high[:, 1] - low[:, 1] > ON_CONTOUR
    low, high = low[steep], high[steep]
    first = np.clip(np.ceil(low[:, 1] - ON_CONTOUR), 0, n_y).astype(np.intp)
    stop = np.clip(np.floor(high[:, 1] + ON_CONTOUR) + 1, 0, n_y).astype(np.intp)
    edge, row = _rows(first, stop)
    x = _crossing(low[edge], high[edge], np.clip(row, low[edge, 1], high[edge, 1]))
    column = np.rint(x)
    there = (np.abs(x - column) <= ON_CONTOUR) & (column >= 0) & (column < n_x)
    on_edge[row[there], column[there].astype(np.intp)] = True


def _mark_flat(on_edge: Mask, low: FloatArray, high: FloatArray) -> None:
    n_y, n_x = on_edge.shape
    row = np.rint(low[:, 1])
    flat = (high[:, 1] - low[:, 1] <= ON_CONTOUR) & (np.abs(low[:, 1] - row) <= ON_CONTOUR) & (row >= 0) & (row < n_y)
    left, right = np.minimum(low[flat, 0], high[flat, 0]), np.maximum(low[flat, 0], high[flat, 0])
    first = np.clip(np.ceil(left - ON_CONTOUR), 0, n_x).astype(np.intp)
    stop = np.clip(np.floor(right + ON_CONTOUR) + 1, 0, n_x).astype(np.intp)
    edge, column = _rows(first, np.maximum(first, stop))
    on_edge[row[flat].astype(np.intp)[edge], column] = True


def _rows(first: npt.NDArray[np.intp], stop: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return every whole number of every range, and which range it is of."""
    counts = stop - first
    edge = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(counts) - counts
    return edge, np.arange(len(edge)) - before[edge] + first[edge]


def _crossing(low: FloatArray, high: FloatArray, y: npt.NDArray[Any]) -> FloatArray:
    slope = (high[:, 0] - low[:, 0]) / (high[:, 1] - low[:, 1])
    x: FloatArray = low[:, 0] + (y - low[:, 1]) * slope
    return x
