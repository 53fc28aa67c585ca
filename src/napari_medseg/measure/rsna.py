"""The score of the RSNA Pneumonia Detection Challenge 2018."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.measure.boxes import FloatArray
    from napari_medseg.measure.matching import Matches

RSNA_OVERLAPS: Final = tuple(
    float(np.nextafter(overlap, 1)) for overlap in (0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75)
)
"""IoU 0.40 … 0.75, each the next larger number: the challenge counts boxes that overlap *more* than that."""


def rsna_scores(matches: Sequence[Matches], threshold: float = -np.inf) -> FloatArray:
    """Return the challenge's score of each image: the mean of TP / (TP + FP + FN) over IoU 0.40 … 0.75.

    An image without true boxes scores 0 if anything was found in it, and is left out (NaN) if nothing was. An image
    with true boxes in which nothing was found scores 0. The score of a set of images is the mean of those that are not
    left out (`rsna_score`); `patient_interval` of these values is its interval.
    (kaggle.com/c/rsna-pneumonia-detection-challenge, Evaluation; Shih et al., Radiology: AI 2019.)

    Parameters
    ----------
    matches : sequence of Matches
        Of each image, from ``match_images(images, RSNA_OVERLAPS)``.
    threshold : float
        Findings with a lower score count as not found. The score falls with every false finding, so choose the
        threshold on images other than those that are reported.

    Returns
    -------
    ndarray of float, shape (n_images,)
        From 0 to 1, or NaN.

    Raises
    ------
    ValueError
        If the findings were not matched at `RSNA_OVERLAPS`.
    """
    return np.array([_score(image, threshold) for image in matches], dtype=np.float64)


def rsna_score(matches: Sequence[Matches], threshold: float = -np.inf) -> float:
    """Return the challenge's score of a set of images; NaN if every image is left out. See `rsna_scores`."""
    scores = rsna_scores(matches, threshold)
    counted = scores[~np.isnan(scores)]
    return float(counted.mean()) if counted.size else float("nan")


def _score(image: Matches, threshold: float) -> float:
    n_found = int(np.count_nonzero(image.scores >= threshold))
    true = image.rows(RSNA_OVERLAPS)[:, :n_found].sum(axis=1)
    either = n_found + image.n_reference - true  # TP + FP + FN
    return float(np.mean(true / either)) if n_found or image.n_reference else float("nan")
