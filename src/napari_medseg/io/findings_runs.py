"""Masks as COCO's run lengths: small in memory and in files, and read by every program that knows COCO.

The runs of 0 and 1 alternate, column by column, 0 first; as text each count is a number of base 32 in printable
characters, given as the difference to the count before the last (COCO API, "mask" interface).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.boxes import PixelBox

Mask = npt.NDArray[np.bool_]

_MOST_PIXELS = 1 << 28
"""More than any radiograph has; a file may promise anything."""

_DIGIT_BITS, _DIGIT, _SIGN, _MORE, _FIRST_CHARACTER = 5, 0x1F, 0x10, 0x20, 48
_MOST_DIGITS = 8


@dataclass(frozen=True, eq=False)
class RunLengths:
    """A mask of one finding.

    Parameters
    ----------
    rows, columns : int
        Size of the image.
    counts : ndarray of int, shape (n,)
        Lengths of the runs, 0 first, column by column.

    Raises
    ------
    ValueError
        If the runs do not fill the image, or it is larger than any radiograph.
    """

    rows: int
    columns: int
    counts: npt.NDArray[np.int64] = field(repr=False)

    def __post_init__(self) -> None:
        counts = np.asarray(self.counts, dtype=np.int64)
        if min(self.rows, self.columns) < 1 or self.rows * self.columns > _MOST_PIXELS:
            raise ValueError(f"A mask cannot have {self.columns} × {self.rows} pixels.")
        n_pixels = self.rows * self.columns
        fitting = counts.ndim == 1 and not ((counts < 0) | (counts > n_pixels)).any()
        if not fitting or int(counts.sum()) != n_pixels:
            raise ValueError(f"The run lengths do not fill {self.columns} × {self.rows} pixels.")
        object.__setattr__(self, "counts", counts)

    @classmethod
    def from_mask(cls, mask: npt.NDArray[np.bool_]) -> RunLengths:
        """Encode a mask of shape (rows, columns)."""
        rows, columns = mask.shape
        flat = np.asarray(mask, dtype=bool).ravel(order="F")
        starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        counts = np.diff(np.concatenate([[0], starts, [flat.size]]))
        return cls(rows, columns, np.concatenate([[0], counts]) if flat[0] else counts)

    @classmethod
    def from_counts(cls, rows: int, columns: int, counts: Sequence[int]) -> RunLengths:
        """Take the plain numbers of COCO's files.

        Raises
        ------
        ValueError
            If they do not fill the image.
        """
        try:
            return cls(rows, columns, np.array(counts, dtype=np.int64))
        except OverflowError as error:
            raise ValueError("The run lengths are too long for any image.") from error

    @classmethod
    def from_text(cls, rows: int, columns: int, text: str) -> RunLengths:
        """Decode the compressed text of COCO's files.

        Raises
        ------
        ValueError
            If the text is no run lengths, or they do not fill the image.
        """
        return cls(rows, columns, np.array(_numbers_of(text), dtype=np.int64))

    @property
    def area(self) -> int:
        """Number of pixels in the mask."""
        return int(self.counts[1::2].sum())

    def bounds(self) -> PixelBox | None:
        """Return (x_min, y_min, x_max, y_max) at pixel edges, or None if no pixel is covered; lays out no pixels."""
        ends = np.cumsum(self.counts)
        starts, lasts = ends[:-1:2], ends[1::2] - 1
        starts, lasts = starts[lasts >= starts], lasts[lasts >= starts]
        if not starts.size:
            return None
        left, right = starts // self.rows, lasts // self.rows
        whole = bool((right > left).any())  # a run over the end of a column touches both edges
        top = 0 if whole else int((starts % self.rows).min())
        bottom = self.rows if whole else int((lasts % self.rows).max()) + 1
        return float(left.min()), float(top), float(right.max() + 1), float(bottom)

    def to_mask(self) -> Mask:
        """Decode into a mask of shape (rows, columns)."""
        values = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(values, self.counts).reshape(self.columns, self.rows).T

    def to_text(self) -> str:
        """Return the compressed text of COCO's files."""
        counts = [int(count) for count in self.counts]
        return "".join(_digits(count - (counts[n - 2] if n > 2 else 0)) for n, count in enumerate(counts))


def runs_of_polygons(rows: int, columns: int, polygons: Sequence[Sequence[float]]) -> RunLengths:
    """Return the run lengths of `mask_of_polygons`."""
    return RunLengths.from_mask(mask_of_polygons(rows, columns, polygons))


def mask_of_polygons(rows: int, columns: int, polygons: Sequence[Sequence[float]]) -> Mask:
    """Fill polygons: every pixel whose centre lies inside at least one of them, by the even-odd rule.

    Parameters
    ----------
    rows, columns : int
        Size of the image.
    polygons : sequence of sequence of float
        Each as x, y, x, y, … at pixel edges, three points or more.

    Raises
    ------
    ValueError
        If a polygon has fewer points, an odd number of coordinates, or one that is not finite; or the size is no size.
    """
    RunLengths(rows, columns, np.array([rows * columns]))  # checks the size before memory is taken for it
    mask = np.zeros((rows, columns), dtype=bool)
    for polygon in polygons:
        values = np.asarray(polygon, dtype=np.float64)
        if values.ndim != 1 or len(values) < 6 or len(values) % 2 or not np.isfinite(values).all():
            raise ValueError("A polygon has three points or more, each with x and y.")
        mask |= _filled(rows, columns, values.reshape(-1, 2))
    return mask


def _filled(rows: int, columns: int, points: npt.NDArray[np.float64]) -> Mask:
    """Fill one polygon by counting how often its outline is crossed left of every pixel centre."""
    crossed = np.zeros((rows, columns + 1), dtype=np.uint8)
    for (x0, y0), (x1, y1) in pairwise([*points, points[0]]):
        low, high = sorted((y0, y1))
        first, stop = (int(np.clip(np.ceil(y - 0.5), 0, rows)) for y in (low, high))
        lines = np.arange(first, stop)
        if len(lines):
            x = x0 + (lines + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            crossed[lines, np.clip(np.ceil(x - 0.5), 0, columns).astype(np.int64)] ^= 1
    inside: Mask = np.bitwise_xor.accumulate(crossed, axis=1)[:, :columns].astype(bool)
    return inside


def _digits(number: int) -> str:
    characters = []
    while True:
        digit = number & _DIGIT
        number >>= _DIGIT_BITS
        more = number != (-1 if digit & _SIGN else 0)
        characters.append(chr((digit | (_MORE if more else 0)) + _FIRST_CHARACTER))
        if not more:
            return "".join(characters)


def _numbers_of(text: str) -> list[int]:
    counts: list[int] = []
    number, n_digits = 0, 0
    for character in text:
        digit = ord(character) - _FIRST_CHARACTER
        if not 0 <= digit < 2 * _MORE or n_digits == _MOST_DIGITS:
            raise ValueError("The text is no run lengths.")
        number |= (digit & _DIGIT) << (_DIGIT_BITS * n_digits)
        n_digits += 1
        if digit & _MORE:
            continue
        if digit & _SIGN:
            number -= 1 << (_DIGIT_BITS * n_digits)
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number, n_digits = 0, 0
    if n_digits:
        raise ValueError("The text of the run lengths is cut short.")
    return counts
