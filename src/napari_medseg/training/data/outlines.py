"""Shapes of findings, and the pixels that they cover: polygons and COCO's run lengths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Polygons:
    """Areas that add up to one shape.

    Parameters
    ----------
    rings : tuple of tuple of float
        Each x, y, x, y, … in pixels as edges: the first pixel of a row reaches from 0 to 1.
    """

    rings: tuple[tuple[float, ...], ...] = field(repr=False)

    def mask(self, rows: int, columns: int) -> Mask:
        """Return the pixels whose centres lie inside, shape (rows, columns)."""
        covered = np.zeros((rows, columns), dtype=bool)
        for ring in self.rings:
            covered |= _fill(np.asarray(ring, dtype=np.float64).reshape(-1, 2), rows, columns)
        return covered

    def bounds(self) -> tuple[float, float, float, float]:
        """Return (x_min, y_min, x_max, y_max)."""
        points = np.concatenate([np.asarray(ring, dtype=np.float64).reshape(-1, 2) for ring in self.rings])
        (x_min, y_min), (x_max, y_max) = points.min(axis=0), points.max(axis=0)
        return float(x_min), float(y_min), float(x_max), float(y_max)


@dataclass(frozen=True)
class RunLengths:
    """Pixels as COCO counts them: down the columns, runs of background and foreground in turn.

    Parameters
    ----------
    rows, columns : int
        Size of the image.
    counts : tuple of int
        Lengths of the runs, the first of background; they add up to rows × columns.
    """

    rows: int
    columns: int
    counts: tuple[int, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 1 or min(self.counts, default=0) < 0:
            raise ValueError("run lengths are not negative, and their image is not empty")
        if sum(self.counts) != self.rows * self.columns:
            raise ValueError(f"the run lengths do not fill {self.columns} × {self.rows} pixels")

    @classmethod
    def from_text(cls, rows: int, columns: int, text: str) -> RunLengths:
        """Decode COCO's compressed counts.

        Parameters
        ----------
        rows, columns : int
            Size of the image.
        text : str
            Groups of six bits, lowest first, as characters from "0" on: five bits of a number, and whether more
            follow; from the fourth number on, the difference to the number before the last.

        Raises
        ------
        ValueError
            If the text is cut short, holds other characters, or does not fill the image.
        """
        counts: list[int] = []
        value = shift = 0
        for character in text:
            group = ord(character) - 48
            if not 0 <= group < 64 or shift > 60:
                raise ValueError("the run lengths are damaged")
            value |= (group & 31) << shift
            shift += 5
            if group & 32:
                continue
            if group & 16:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
        if shift:
            raise ValueError("the run lengths are cut short")
        return cls(rows, columns, tuple(counts))

    def mask(self, rows: int, columns: int) -> Mask:
        """Return the pixels, shape (rows, columns).

        Raises
        ------
        ValueError
            If the image has another size.
        """
        if (rows, columns) != (self.rows, self.columns):
            raise ValueError(f"the run lengths are of {self.columns} × {self.rows} pixels")
        runs = np.arange(len(self.counts)) % 2 == 1
        return np.repeat(runs, self.counts).reshape(columns, rows).T

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return (x_min, y_min, x_max, y_max) as edges of pixels, or None if no pixel is covered.

        No pixels are laid out: the size is a mere claim of the file until an image confirms it.
        """
        ends = np.cumsum(np.asarray(self.counts, dtype=np.int64))
        starts, lasts = ends[:-1:2], ends[1::2] - 1
        starts, lasts = starts[lasts >= starts], lasts[lasts >= starts]
        if not starts.size:
            return None
        left, right = starts // self.rows, lasts // self.rows
        whole = bool((right > left).any())
        top = 0 if whole else int((starts % self.rows).min())
        bottom = self.rows if whole else int((lasts % self.rows).max()) + 1
        return float(left.min()), float(top), float(right.max() + 1), float(bottom)


Outline: TypeAlias = Polygons | RunLengths


def _fill(points: npt.NDArray[np.float64], rows: int, columns: int) -> Mask:
    """Fill a ring (n, 2) by the even-odd rule: a pixel is in if the edges left of its centre are odd in number."""
    crossings = np.zeros((rows, columns + 1), dtype=np.int64)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        first_line, end_line = np.clip(np.ceil(np.sort([y0, y1]) - 0.5), 0, rows).astype(int)
        lines = np.arange(first_line, end_line)
        x = x0 + (lines + 0.5 - y0) * (x1 - x0) / (y1 - y0)
        first = np.clip(np.ceil(x - 0.5), 0, columns).astype(np.intp)
        np.add.at(crossings, (lines, first), 1)
    inside: Mask = np.cumsum(crossings[:, :columns], axis=1) % 2 == 1
    return inside
