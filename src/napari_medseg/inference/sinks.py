"""What becomes of scores: labels, on the grid of the scores or on another one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_medseg.inference.grid import box_in_grid
from napari_medseg.inference.halo import Halo
from napari_medseg.inference.region import clipped, inverted, shape_of, translation
from napari_medseg.inference.resample import HALF_A_VOXEL, ROUNDING, sample_slabs

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_medseg.core.affine import FloatArray
    from napari_medseg.inference.rolling import Block
    from napari_medseg.inference.windows import Shape3, WindowPlan

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


class RegionRule(LabelRule):
    """How scores of regions become labels: a voxel gets the label of the last region that it belongs to.

    Scores come with the background first, which is 0; a region is where its own score is above that, or by the
    threshold.
    """

    def labels(self, scores: torch.Tensor) -> npt.NDArray[Any]:
        """Turn scores (background and regions, i, j, k) into labels (i, j, k)."""
        winner = torch.zeros(scores.shape[1:], dtype=torch.int32, device=scores.device)
        for index in range(1, len(scores)):
            winner.masked_fill_(self._inside(scores[index] - scores[0]), self._values[index])
        labels: npt.NDArray[Any] = winner.cpu().numpy().astype(self._dtype)
        return labels

    def is_foreground(self, scores: torch.Tensor) -> torch.Tensor:
        """Tell where scores (background and regions, i, j, k) give a structure."""
        return self._inside(scores[1:].amax(dim=0) - scores[0])

    def _inside(self, margin: torch.Tensor) -> torch.Tensor:
        return margin > 0 if self._margin is None else margin >= self._margin


class LabelSink:
    """Turns scores into labels on their own grid.

    Parameters
    ----------
    labels : ndarray, shape (i, j, k)
        Zeros; filled block by block, for example a view of the result itself.
    rule : LabelRule
        How scores become labels.
    """

    def __init__(self, labels: npt.NDArray[Any], rule: LabelRule) -> None:
        self._labels = labels
        self._rule = rule

    @property
    def needs_weights(self) -> bool:
        """Whether sums must be divided."""
        return self._rule.needs_division

    def put(self, number: Shape3, block: Block, scores: torch.Tensor | None, weights: torch.Tensor | None) -> None:
        """Label a block."""
        if scores is not None:
            self._labels[block] = self._rule.labels(scores if weights is None else mean_scores(scores, weights))


class InterpolatedLabelSink:
    """Turns scores into labels on another grid: scores are interpolated there, and labels made of them.

    Only blocks that hold a structure are interpolated: scores mix with positive weights that add up to 1, so between
    voxels that all are background nothing but background can come out.

    Parameters
    ----------
    labels : ndarray, shape (i, j, k)
        Zeros, on the other grid; filled block by block.
    labels_to_scores : ndarray, shape (4, 4)
        From voxels of the other grid to voxels of the scores.
    plan : WindowPlan
        The windows, on the grid of the scores.
    n_classes : int
        Number of classes.
    rule : LabelRule
        How scores become labels.
    nearest_axis : int, optional
        Along which the nearest score counts alone.
    """

    def __init__(
        self,
        labels: npt.NDArray[Any],
        labels_to_scores: FloatArray,
        plan: WindowPlan,
        n_classes: int,
        rule: LabelRule,
        nearest_axis: int | None = None,
    ) -> None:
        self._nearest_axis = nearest_axis
        self._labels = labels
        self._matrix = labels_to_scores
        self._plan = plan
        self._rule = rule
        unseen = torch.full((n_classes, 1, 1, 1), -_UNSEEN_BACKGROUND_SCORE)
        unseen[0] = 0
        self._halo = Halo(plan, unseen)

    @property
    def needs_weights(self) -> bool:
        """Whether sums must be divided: always, as neighbours are mixed."""
        return True

    def put(self, number: Shape3, block: Block, scores: torch.Tensor | None, weights: torch.Tensor | None) -> None:
        """Label the voxels of the other grid that lie among the voxels of a block and the ones before it."""
        if scores is not None and weights is not None:
            scores = mean_scores(scores, weights).cpu()
            scores -= scores[:1].clone()
        scores = self._halo.put(number, scores)
        if scores is None or not bool(self._rule.is_foreground(scores).any()):
            return
        low = np.array([part.start - (n > 0) for part, n in zip(block, number, strict=True)], dtype=np.float64)
        high = np.array([part.stop - 1 for part in block], dtype=np.float64)
        ends = [(n == 0, part.stop == end) for n, part, end in zip(number, block, self._plan.shape, strict=True)]
        edges = np.where(ends, HALF_A_VOXEL, ROUNDING).astype(np.float64)
        reach = box_in_grid(low - edges[:, 0], high + edges[:, 1], inverted(self._matrix))
        target = clipped(*reach, self._labels.shape)
        matrix = self._matrix @ translation(target)
        matrix[:3, 3] -= low
        result = self._labels[target]
        for planes, values, inside in sample_slabs(scores, matrix, shape_of(target), edges, self._nearest_axis):
            np.copyto(result[planes], self._rule.labels(values), where=inside.numpy())


def mean_scores(scores: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return sums divided by their weights; voxels that no window has seen are background."""
    unseen = weights == 0
    mean = scores / weights.masked_fill(unseen, 1.0)
    mean[0].masked_fill_(unseen[0], _UNSEEN_BACKGROUND_SCORE)
    return mean
