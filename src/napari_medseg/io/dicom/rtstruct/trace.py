"""The outline of a mask along the edges of its pixels, holes joined to it by keyholes.

Edges of pixels, not a smoothed line: the area is that of the pixels, any reader that looks at pixel centres gets the
very mask back, and straight runs need two corners. Keyholes (PS3.3 C.8.8.6.3), since some readers fill a contour
that lies in another.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_medseg.core.affine import FloatArray

Mask = npt.NDArray[np.bool_]
Loop = list[int]
"""Corners of pixels, each as y · width + x, in the order of the walk; the mask lies on the right, y pointing down."""


def trace(mask: Mask) -> list[FloatArray]:
    """Return one polygon for every part of a mask whose pixels share edges.

    Parameters
    ----------
    mask : ndarray of bool, shape (x, y)
        The pixels.

    Returns
    -------
    list of ndarray, shape (n, 2)
        Corners (x, y) in pixels, 0 being the centre of the first pixel: so all end in .5.
    """
    from scipy import ndimage

    columns, rows = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not columns.size:
        return []
    left, top = int(columns[0]), int(rows[0])
    part = np.pad(mask[left : columns[-1] + 1, top : rows[-1] + 1].T, 1)
    parts, n_parts = ndimage.label(part)
    width = part.shape[1]
    loops: list[list[Loop]] = [[] for _ in range(n_parts)]
    for pixel, loop in _loops(part):
        loops[int(parts.flat[pixel]) - 1].append(loop)
    return [_simplified(_joined(mine, width), width) + np.array([left - 1.5, top - 1.5]) for mine in loops]


def _loops(part: Mask) -> list[tuple[int, Loop]]:
    """Return closed walks along the edges of pixels, each with a pixel of the mask that it runs by."""
    width = part.shape[1]
    ahead = (1, width, -1, -width)  # to the right, down, to the left, up: each the right turn of the one before
    beside = (0, -1, -width - 1, -width)
    keys = _edges(part)
    edges = set(keys)
    found = []
    for begin in keys:
        if begin not in edges:
            continue
        loop: Loop = []
        edge = begin
        while edge in edges:
            edges.remove(edge)
            corner, direction = edge >> 2, edge & 3
            loop.append(corner)
            following = (corner + ahead[direction]) << 2
            edge = following | ((direction + 1) & 3)  # right first: pixels that touch at a corner alone stay apart
            if edge not in edges:
                edge = following | direction
                if edge not in edges:
                    edge = following | ((direction - 1) & 3)
        found.append(((begin >> 2) + beside[begin & 3], loop))
    return found


def _edges(part: Mask) -> list[int]:
    """Return the edges between mask and background, as corner · 4 + direction."""
    width = part.shape[1]
    sides = ((-width, 0), (1, 1), (width, width + 1), (-1, width))  # the neighbour, and the corner that the edge leaves
    flat = part.reshape(-1)
    pixels = np.flatnonzero(flat)
    edges = [
        (pixels[~flat[pixels + neighbour]] + corner) * 4 + direction
        for direction, (neighbour, corner) in enumerate(sides)
    ]
    return [int(edge) for edge in np.concatenate(edges).tolist()]


def _joined(loops: list[Loop], width: int) -> Loop:
    """Return one walk around a part and, through channels of no width, around its holes.

    The first is the walk that reaches farthest to the left. To the left of a hole's leftmost corner lies the part,
    up to a corner of a walk that reaches farther to the left, and so is joined already.
    """
    if len(loops) == 1:
        return loops[0]
    leftmost = [min(loop, key=lambda corner: corner % width) for loop in loops]
    outer, *holes = sorted(range(len(loops)), key=lambda n: leftmost[n] % width)
    following: dict[int, int] = {}
    corners: list[int] = []
    at: dict[int, int] = {}

    def append(walk: Loop) -> tuple[int, int]:
        first = len(corners)
        corners.extend(walk)
        for node in range(first, len(corners)):
            following[node] = node + 1
            at.setdefault(corners[node], node)
        return first, len(corners) - 1

    begin, end = append(loops[outer])
    following[end] = begin
    for n in holes:
        start = loops[n].index(leftmost[n])
        corner = leftmost[n] - 1
        while corner not in at:
            corner -= 1
        gate = at[corner]
        first, last = append([*loops[n][start:], *loops[n][: start + 1], corner])
        following[last], following[gate] = following[gate], first
    walk, node = [], begin
    while True:
        walk.append(corners[node])
        node = following[node]
        if node == begin:
            return walk


def _simplified(walk: Loop, width: int) -> FloatArray:
    """Return the corners at which a walk turns, as (x, y)."""
    steps = [after - before for before, after in pairwise([*walk, walk[0]])]
    kept = [
        corner
        for corner, before, after in zip(walk, [steps[-1], *steps[:-1]], steps, strict=True)
        if _turns(before, after, width)
    ]
    corners = np.array(kept)
    return np.stack([corners % width, corners // width], axis=1).astype(np.float64)


def _turns(before: int, after: int, width: int) -> bool:
    """Whether two steps between corners, along a row or a column, have different directions."""
    return _direction(before, width) != _direction(after, width)


def _direction(step: int, width: int) -> int:
    """Return 1 or -1 along x, 2 or -2 along y."""
    axis = 2 if step % width == 0 else 1
    return axis if step > 0 else -axis
