"""The loss: cross entropy and Dice, over labels that may be known in part."""

from __future__ import annotations

import torch
import torch.nn.functional as F

IGNORED = 255
"""Target of voxels of which nothing is known."""

ANY_LABEL = 254
"""Target of voxels that have a label, but which one is not known."""


def segmentation_loss(scores: torch.Tensor, target: torch.Tensor, *, with_dice: bool) -> torch.Tensor:
    """Return cross entropy, plus 1 − soft Dice of the labels.

    Parameters
    ----------
    scores : Tensor, shape (n, class, i, j, k)
        Of the network, before softmax; class 0 is the background.
    target : Tensor of uint8, shape (n, i, j, k)
        Labels, `ANY_LABEL` or `IGNORED`.
    with_dice : bool
        Whether Dice counts; it is computed over the whole batch, where `ANY_LABEL` does not occur.

    Returns
    -------
    Tensor
        Scalar.
    """
    logs = F.log_softmax(scores, dim=1)
    known = target != IGNORED
    any_label = target == ANY_LABEL
    index = torch.where(known & ~any_label, target, 0).long()
    log_likelihood = logs.gather(1, index[:, None])[:, 0]
    if bool(any_label.any()):
        log_likelihood = torch.where(any_label, torch.logsumexp(logs[:, 1:], dim=1), log_likelihood)
    loss = -(log_likelihood * known).sum() / known.sum().clamp(min=1)
    return loss + _dice_loss(logs.exp(), index, known & ~any_label) if with_dice else loss


def _dice_loss(chances: torch.Tensor, index: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    terms = []
    for label in range(1, chances.shape[1]):
        predicted = chances[:, label] * known
        present = (index == label) & known
        terms.append((2 * (predicted * present).sum() + 1) / (predicted.sum() + present.sum() + 1))
    return 1 - torch.stack(terms).mean()
