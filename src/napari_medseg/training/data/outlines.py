"""Shapes of findings, and the pixels that they cover: polygons and COCO's run lengths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_medseg.io.findings_runs import RunLengths, mask_of_polygons

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

    def bounds(self) -> tuple[float, float, float, float]:
        """Return (x_min, y_min, x_max, y_max)."""
        points = np.concatenate([np.asarray(ring, dtype=np.float64).reshape(-1, 2) for ring in self.rings])
        (x_min, y_min), (x_max, y_max) = points.min(axis=0), points.max(axis=0)
        return float(x_min), float(y_min), float(x_max), float(y_max)


Outline: TypeAlias = Polygons | RunLengths


def outline_mask(outline: Outline, rows: int, columns: int) -> Mask:
    """Return the pixels of a shape in an image, shape (rows, columns): those whose centres lie inside.

    Raises
    ------
    ValueError
        If the run lengths are of an image of another size.
    """
    if isinstance(outline, Polygons):
        return mask_of_polygons(rows, columns, outline.rings)
    if (rows, columns) != (outline.rows, outline.columns):
        raise ValueError(f"the run lengths are of {outline.columns} × {outline.rows} pixels")
    return outline.to_mask()
