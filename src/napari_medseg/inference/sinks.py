"""What is kept of the scores: labels, and the scores themselves where they must be interpolated."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_medseg.inference.windows import Shape3

_LARGEST_SCORE = 6e4
"""float16 ends at 65504."""

_UNSEEN_BACKGROUND_SCORE = 20.0
"""A probability of a structure below 1e-8, and yet harmless to the voxels next to it when interpolated."""


class LabelRule:
    """How scores become labels.

    Parameters
    ----------
    values : sequence of int
        Label of each class, the first being the background (0).
    threshold : float or None
        Probability of not being background from which on a voxel gets the label of its likeliest structure; the
        likeliest class of all if None.
    dtype : numpy integer type
        Type of the labels.
    """

    def __init__(self, values: tuple[int, ...], threshold: float | None, dtype: np.dtype[Any]) -> None:
        self._values = values
        self._margin = None if threshold is None else math.log(threshold) - math.log1p(-threshold)
        self._dtype = dtype

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the labels."""
        return self._dtype

    def labels(self, scores: torch.Tensor) -> npt.NDArray[Any]:
        """Turn scores (class, i, j, k), logits up to one positive factor a voxel, into labels (i, j, k).

        The factor does not matter for the likeliest class, so blended sums need no division; with a threshold they do.
        At equal scores the lower class wins, so that a voxel that no window has seen is background.
        """
        best = scores[0].clone()
        if self._margin is not None:
            best = torch.full_like(best, math.inf).masked_fill_(self.is_foreground(scores), -math.inf)
        winner = torch.zeros(best.shape, dtype=torch.int32, device=scores.device)
        for index in range(1, len(scores)):
            better = scores[index] > best
            winner.masked_fill_(better, self._values[index])
            torch.maximum(best, scores[index], out=best)
        labels: npt.NDArray[Any] = winner.cpu().numpy().astype(self._dtype)
        return labels

    def is_foreground(self, scores: torch.Tensor) -> torch.Tensor:
        """Tell where scores (class, i, j, k) give a structure."""
        if self._margin is None:
            return scores[1:].amax(dim=0) > scores[0]
        return torch.logsumexp(scores[1:], dim=0) - scores[0] >= self._margin

    @property
    def needs_division(self) -> bool:
        """Whether blended sums must be divided by their weights first."""
        return self._margin is not None


class LabelSink:
    """Keeps labels only.

    Parameters
    ----------
    labels : ndarray, shape (i, j, k)
        Filled slab by slab, for example a view of the result itself.
    rolling_axis : int
        Along which slabs come.
    rule : LabelRule
        How scores become labels.
    """

    def __init__(self, labels: npt.NDArray[Any], rolling_axis: int, rule: LabelRule) -> None:
        self._labels = labels
        self._axis = rolling_axis
        self._rule = rule

    def put(self, start: int, scores: torch.Tensor, weights: torch.Tensor) -> None:
        """Label the planes from `start` on."""
        if self._rule.needs_division:
            scores = _divided(scores, weights)
        at = [slice(None)] * 3
        at[self._axis] = slice(start, start + scores.shape[self._axis + 1])
        self._labels[tuple(at)] = self._rule.labels(scores)


class ScoreSink:
    """Keeps all scores at half precision, to be interpolated on the scan's own grid.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    shape : tuple of int
        Shape of the work grid.
    rolling_axis : int
        Along which slabs come.
    rule : LabelRule
        How scores will become labels.
    """

    def __init__(self, n_classes: int, shape: Shape3, rolling_axis: int, rule: LabelRule) -> None:
        self.scores = torch.zeros((n_classes, *shape), dtype=torch.float16)
        self._foreground = torch.zeros(shape, dtype=torch.bool)
        self._axis = rolling_axis
        self._rule = rule

    def put(self, start: int, scores: torch.Tensor, weights: torch.Tensor) -> None:
        """Keep the planes from `start` on, shifted so that the background scores 0."""
        divided = _divided(scores, weights)
        divided -= divided[:1].clone()
        divided.clamp_(-_LARGEST_SCORE, _LARGEST_SCORE)
        n = divided.shape[self._axis + 1]
        self.scores.narrow(self._axis + 1, start, n).copy_(divided)
        self._foreground.narrow(self._axis, start, n).copy_(self._rule.is_foreground(divided))

    def foreground_box(self) -> tuple[slice, slice, slice] | None:
        """Return the smallest box of the work grid that holds all structures; None if there are none.

        Interpolation mixes scores with positive weights that add up to 1, so between voxels that all are background
        nothing but background can come out: only this box has to be looked at.
        """
        foreground = self._foreground
        found = []
        for axis in range(3):
            others = tuple(n for n in range(3) if n != axis)
            at = torch.nonzero(foreground.any(dim=others[1]).any(dim=others[0])).flatten()
            if not len(at):
                return None
            found.append(slice(int(at[0]), int(at[-1]) + 1))
        return (found[0], found[1], found[2])


def _divided(scores: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return mean scores; voxels that no window has seen are background."""
    unseen = weights == 0
    mean = scores / weights.masked_fill(unseen, 1.0)
    mean[0].masked_fill_(unseen, _UNSEEN_BACKGROUND_SCORE)
    return mean
