"""COCO's average precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.measure.boxes import FloatArray
    from napari_medseg.measure.matching import BoolArray, Matches

COCO_OVERLAPS: Final = tuple(float(overlap) for overlap in np.linspace(0.5, 0.95, 10))
"""IoU 0.50 … 0.95."""

_RECALLS: Final = np.linspace(0, 1, 101)
_MOST_PER_IMAGE: Final = 100


class CocoPrecision(NamedTuple):
    """Average precision of one class, from 0 to 1; NaN where there is nothing to find.

    Parameters
    ----------
    ap : float
        Mean over IoU 0.50 … 0.95.
    ap50, ap75 : float
        At IoU 0.50 and 0.75.
    """

    ap: float
    ap50: float
    ap75: float


def coco_precision(matches: Sequence[Matches]) -> CocoPrecision:
    """Return COCO's average precision over a set of images, for one class and all sizes.

    Precision at a recall is the best at that recall or a higher one, averaged over the recalls 0, 0.01 … 1. At most the
    100 surest findings of an image count. (Lin et al., ECCV 2014; cocodataset.org, Detection Evaluation.)

    Parameters
    ----------
    matches : sequence of Matches
        Of each image, from ``match_images(images, COCO_OVERLAPS)``.

    Raises
    ------
    ValueError
        If the findings were not matched at `COCO_OVERLAPS`.
    """
    n_reference = sum(image.n_reference for image in matches)
    if not n_reference:
        return CocoPrecision(float("nan"), float("nan"), float("nan"))
    scores = np.concatenate([image.scores[:_MOST_PER_IMAGE] for image in matches])
    hits = np.concatenate([image.rows(COCO_OVERLAPS)[:, :_MOST_PER_IMAGE] for image in matches], axis=1)
    by_overlap = _precisions(hits[:, np.argsort(-scores, kind="stable")], n_reference)
    return CocoPrecision(float(by_overlap.mean()), float(by_overlap[0]), float(by_overlap[5]))


def _precisions(hits: BoolArray, n_reference: int) -> FloatArray:
    """Return the average precision of each row of hits, which are in the order of falling score."""
    n_true = np.cumsum(hits, axis=1, dtype=np.int64)
    precision = n_true / np.arange(1, hits.shape[1] + 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    values = []
    for row, recall in zip(best, n_true / n_reference, strict=True):
        first = np.searchsorted(recall, _RECALLS, side="left")  # beyond the end: a recall that is never reached
        values.append(np.append(row, 0.0)[first].mean())
    return np.array(values, dtype=np.float64)
