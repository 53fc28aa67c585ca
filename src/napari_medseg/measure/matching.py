"""Which finding is which of the true ones: the step that all measures of detection share.

Findings are taken by falling score. Each takes, of the true ones that no surer finding has taken, the one that it
overlaps most, if it overlaps it enough (COCO's rule; Lin et al., ECCV 2014). So a second finding of the same true one
is false. Leaving out the findings below a score does not change what the others took.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_medseg.measure.boxes import FloatArray, ImageBoxes, box_overlaps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Matches:
    """Which findings of one image are right, for several overlaps that are asked for.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
        Of the findings, falling.
    hits : ndarray of bool, shape (t, n)
        Whether a finding is right, for each overlap.
    overlaps : tuple of float, t long
        The least intersection over union that counts.
    n_reference : int
        How many true ones there are.
    """

    scores: FloatArray = field(repr=False)
    hits: BoolArray = field(repr=False)
    overlaps: tuple[float, ...]
    n_reference: int

    def rows(self, overlaps: Sequence[float]) -> BoolArray:
        """Return the hits for just these overlaps, shape (len(overlaps), n).

        Raises
        ------
        ValueError
            If the findings were matched for other overlaps only.
        """
        if tuple(overlaps) == self.overlaps:
            return self.hits
        missing = set(overlaps) - set(self.overlaps)
        if missing:
            raise ValueError(f"Findings were matched at overlaps {self.overlaps}, not at {sorted(missing)}.")
        return self.hits[[self.overlaps.index(overlap) for overlap in overlaps]]


def match_images(images: Iterable[ImageBoxes], overlaps: Sequence[float]) -> list[Matches]:
    """Match the boxes of each image.

    Parameters
    ----------
    images : iterable of ImageBoxes
        All images, also those with no boxes at all.
    overlaps : sequence of float
        The least intersection over union that counts; `RSNA_OVERLAPS`, `COCO_OVERLAPS`, or own ones in (0, 1].

    Raises
    ------
    ValueError
        If an overlap is not in (0, 1].
    """
    return [match_overlaps(box_overlaps(i.boxes, i.reference), i.scores, overlaps) for i in images]


def match_overlaps(table: npt.ArrayLike, scores: npt.ArrayLike, overlaps: Sequence[float]) -> Matches:
    """Match the findings of one image by how much they overlap: boxes, masks or what else.

    Parameters
    ----------
    table : array_like, shape (n, m)
        Intersection over union of each finding with each true one.
    scores : array_like, shape (n,)
        Confidence in each finding. Of equals the earlier goes first.
    overlaps : sequence of float
        The least intersection over union that counts, in (0, 1].

    Raises
    ------
    ValueError
        If an overlap is not in (0, 1], or the shapes do not fit.
    """
    if not all(0 < overlap <= 1 for overlap in overlaps):
        raise ValueError(f"Overlaps lie in (0, 1], not {tuple(overlaps)}.")
    given, sure = np.asarray(table, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if given.ndim != 2 or sure.shape != given.shape[:1]:
        raise ValueError(f"A table of shape {given.shape} does not fit scores of shape {sure.shape}.")
    order = np.argsort(-sure, kind="stable")
    hits = [_hits(given[order], overlap) for overlap in overlaps]
    stacked = np.array(hits, dtype=np.bool_).reshape(len(overlaps), len(order))
    return Matches(sure[order], stacked, tuple(overlaps), given.shape[1])


def _hits(table: FloatArray, overlap: float) -> BoolArray:
    """Let each row, in order, take its best free column; return which rows got one."""
    free = np.where(table >= overlap, table, -1.0)
    hits = np.zeros(len(table), dtype=np.bool_)
    for row in np.flatnonzero((free >= 0).any(axis=1)):
        best = free.shape[1] - 1 - int(np.argmax(free[row, ::-1]))  # of equals the last, as COCO does
        if free[row, best] >= 0:
            hits[row] = True
            free[:, best] = -1.0
    return hits
