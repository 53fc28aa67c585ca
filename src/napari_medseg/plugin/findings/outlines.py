"""The pixels of one finding, apart from the image: to be recognised, moved and scaled with its box."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.plugin.findings.rectangles import Rectangle, rectangle_of_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

Mask = npt.NDArray[np.bool_]

NOTHING = b""
"""Mark of no pixels at all."""


@dataclass(frozen=True, eq=False)
class Outline:
    """The pixels of a finding.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        Cut out around the pixels.
    row, column : int
        Where the cut-out begins in the image.
    """

    mask: Mask = field(repr=False)
    row: int
    column: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """The cut-out's place in the image."""
        rows, columns = self.mask.shape
        return slice(self.row, self.row + rows), slice(self.column, self.column + columns)

    @property
    def n_pixels(self) -> int:
        """How many pixels belong to the finding."""
        return int(np.count_nonzero(self.mask))

    @property
    def mark(self) -> bytes:
        """A mark by which the same pixels at the same place are recognised."""
        digest = hashlib.blake2b(np.packbits(self.mask).tobytes(), digest_size=16)
        digest.update(repr((self.row, self.column, self.mask.shape)).encode())
        return digest.digest()


def outline_of(mask: Mask) -> Outline | None:
    """Cut out what a mask of the whole image holds; None if it holds nothing."""
    bounds = rectangle_of_mask(mask)
    if bounds is None:
        return None
    y_min, x_min, y_max, x_max = (int(edge + 0.5) for edge in bounds)
    return Outline(mask[y_min:y_max, x_min:x_max].copy(), y_min, x_min)


def fitted(outline: Outline, old: Rectangle, new: Rectangle, shape: Sequence[int]) -> Outline | None:
    """Move and scale pixels with their box: what lay at a share of the old box lies at that share of the new one.

    Parameters
    ----------
    outline : Outline
        The pixels as drawn in the old box.
    old, new : Rectangle
        The box before and after.
    shape : sequence of int
        Rows and columns of the image, at whose edges the result is cut.

    Returns
    -------
    Outline or None
        None if no pixel is left.
    """
    offsets = (outline.row, outline.column)
    starts: list[int] = []
    sources: list[npt.NDArray[np.int64]] = []
    for axis in range(2):
        old_low, old_size = old[axis], max(old[axis + 2] - old[axis], 1e-9)
        new_low, new_size = new[axis], max(new[axis + 2] - new[axis], 1e-9)
        growth, length = new_size / old_size, outline.mask.shape[axis]
        first = math.floor(new_low + (offsets[axis] - 0.5 - old_low) * growth)
        last = math.ceil(new_low + (offsets[axis] + length - 0.5 - old_low) * growth)
        pixels = np.arange(max(first, 0), min(last + 1, shape[axis]))
        at = np.floor(old_low + (pixels - new_low) / growth + 0.5).astype(np.int64) - offsets[axis]
        inside = (at >= 0) & (at < length)
        if not inside.any():
            return None
        starts.append(int(pixels[inside][0]))
        sources.append(at[inside])
    mask = outline.mask[np.ix_(sources[0], sources[1])]
    return _trimmed(mask, starts[0], starts[1])


def ellipse(box: Rectangle, shape: Sequence[int]) -> Outline | None:
    """Return the pixels whose centres lie in the ellipse that fills a box, within the image; None if there are none."""
    rows, columns = (_pixels_between(box[axis], box[axis + 2], shape[axis]) for axis in range(2))
    if not rows.size or not columns.size:
        return None
    y, x = box.centre
    y_radius, x_radius = max((box.y_max - box.y_min) / 2, 0.5), max((box.x_max - box.x_min) / 2, 0.5)
    mask = ((rows[:, None] - y) / y_radius) ** 2 + ((columns[None] - x) / x_radius) ** 2 <= 1
    return _trimmed(mask, int(rows[0]), int(columns[0]))


def _pixels_between(low: float, high: float, length: int) -> npt.NDArray[Any]:
    return np.arange(max(math.ceil(low), 0), min(math.floor(high), length - 1) + 1)


def _trimmed(mask: Mask, row: int, column: int) -> Outline | None:
    cut = outline_of(mask)
    return None if cut is None else Outline(cut.mask, cut.row + row, cut.column + column)
