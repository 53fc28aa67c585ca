"""Boxes that were found in one image, and those that should have been."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImageBoxes:
    """What was found in one image, and what is there; one class of finding.

    Parameters
    ----------
    boxes : array_like, shape (n, 4)
        Found: x_min, y_min, x_max, y_max in continuous pixel coordinates. None found: an empty list will do.
    scores : array_like, shape (n,)
        Confidence in each of them; larger is surer.
    reference : array_like, shape (m, 4)
        Really there, in the same coordinates.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite, or a box ends before it begins.
    """

    boxes: FloatArray = field(repr=False)
    scores: FloatArray = field(repr=False)
    reference: FloatArray = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", _checked_boxes(self.boxes))
        object.__setattr__(self, "reference", _checked_boxes(self.reference))
        scores = np.asarray(self.scores, dtype=np.float64)
        if scores.shape != (len(self.boxes),) or not np.isfinite(scores).all():
            raise ValueError(f"{len(self.boxes)} boxes have as many finite scores, not {np.array2string(scores)}.")
        object.__setattr__(self, "scores", scores)


def box_overlaps(a: npt.ArrayLike, b: npt.ArrayLike) -> FloatArray:
    """Return the intersection over union of each box with each other box.

    Parameters
    ----------
    a : array_like, shape (n, 4)
        x_min, y_min, x_max, y_max in continuous coordinates: a box is x_max − x_min wide, nothing is added.
    b : array_like, shape (m, 4)
        The others.

    Returns
    -------
    ndarray of float, shape (n, m)
        From 0 to 1; 0 for two boxes of no area.

    Raises
    ------
    ValueError
        If the shapes do not fit, a value is not finite, or a box ends before it begins.
    """
    first, second = _checked_boxes(a)[:, None], _checked_boxes(b)[None]
    least = np.maximum(first[..., :2], second[..., :2])
    common = _areas(np.concatenate([least, np.maximum(np.minimum(first[..., 2:], second[..., 2:]), least)], axis=-1))
    union = _areas(first) + _areas(second) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def _areas(boxes: FloatArray) -> FloatArray:
    sides = boxes[..., 2:] - boxes[..., :2]
    return sides[..., 0] * sides[..., 1]


def _checked_boxes(given: npt.ArrayLike) -> FloatArray:
    boxes = np.asarray(given, dtype=np.float64)
    if not boxes.size:
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"Boxes have the shape (n, 4), not {boxes.shape}.")
    if not np.isfinite(boxes).all():
        raise ValueError("The corners of boxes are finite.")
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise ValueError("Boxes are x_min, y_min, x_max, y_max; at least one ends before it begins.")
    return boxes
