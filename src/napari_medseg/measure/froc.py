"""How many findings are missed for how many false ones: the free-response receiver operating characteristic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from napari_medseg.measure.boxes import FloatArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.measure.matching import Matches

FROC_RATES: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False positives per image at which LUNA16 reads the curve (Setio et al., Medical Image Analysis 2017)."""


@dataclass(frozen=True, eq=False)
class Froc:
    """One point for each score that a finding has: what happens if findings with that score or more are shown.

    Parameters
    ----------
    thresholds : ndarray of float, shape (n,)
        The scores, falling, each once.
    false_positives : ndarray of float, shape (n,)
        False findings per image, over all images.
    sensitivity : ndarray of float, shape (n,)
        Share of the true ones that are found; NaN where there is nothing to find.
    n_images, n_reference : int
        How many images there are, and how many true ones in them.
    """

    thresholds: FloatArray = field(repr=False)
    false_positives: FloatArray = field(repr=False)
    sensitivity: FloatArray = field(repr=False)
    n_images: int
    n_reference: int

    def sensitivity_at(self, rates: npt.ArrayLike = FROC_RATES) -> FloatArray:
        """Return the sensitivity that can be had with at most so many false positives per image.

        A value that a threshold really gives: nothing is interpolated between thresholds. 0 if even the surest
        findings hold too many false ones; NaN where there is nothing to find.

        Parameters
        ----------
        rates : array_like, shape (k,)
            False positives per image.
        """
        if not self.n_reference:
            return np.full(np.shape(rates), np.nan)
        last = np.searchsorted(self.false_positives, np.asarray(rates, dtype=np.float64), side="right")
        return np.concatenate([[0.0], self.sensitivity])[last]


def froc_curve(matches: Sequence[Matches], overlap: float = 0.4) -> Froc:
    """Return the curve of a set of images.

    A finding is right if it overlaps a true one by at least `overlap` and no surer finding has taken that one.

    Parameters
    ----------
    matches : sequence of Matches
        Of each image, also of those with nothing in them; from ``match_images(images, [0.4])``.
    overlap : float
        The least intersection over union that counts.

    Raises
    ------
    ValueError
        If there is no image, or the findings were not matched at that overlap.
    """
    if not matches:
        raise ValueError("No image, no false positives per image.")
    scores = np.concatenate([image.scores for image in matches])
    hits = np.concatenate([image.rows([overlap])[0] for image in matches])
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last_of_equals = np.flatnonzero(np.append(falling[1:] != falling[:-1], True)[: falling.size])
    n_true = np.cumsum(hits[order], dtype=np.int64)[last_of_equals]
    n_reference = sum(image.n_reference for image in matches)
    sensitivity = n_true / n_reference if n_reference else np.full(n_true.shape, np.nan)
    n_false = last_of_equals + 1 - n_true
    return Froc(falling[last_of_equals], n_false / len(matches), sensitivity, len(matches), n_reference)
