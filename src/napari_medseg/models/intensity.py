"""The intensity rule of a card, the same code for training and for use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from napari_medseg.models.card import IntensityRule

_MOST_VOXELS = 1 << 22
"""Percentiles of anything larger come from a regular sample: sorting a whole CT would take seconds."""


def apply_intensity(rule: IntensityRule, values: torch.Tensor) -> torch.Tensor:
    """Bring intensities to the scale that the network was trained on.

    Parameters
    ----------
    rule : IntensityRule
        From the card.
    values : Tensor of float, any shape
        Intensities of one window or one volume; all of them count.

    Returns
    -------
    Tensor
        Of the same shape: mean 0, standard deviation 1 within the percentiles; zeros if all intensities are equal.
    """
    sample = values.flatten()
    sample = sample[:: -(-sample.numel() // _MOST_VOXELS)]
    low, high = (_percentile(sample, percentile) for percentile in rule.percentiles)
    clipped = values.clamp(low, high)
    deviation = clipped.std(correction=0)
    return (clipped - clipped.mean()) / torch.where(deviation > 0, deviation, 1.0)


def _percentile(sample: torch.Tensor, percentile: float) -> torch.Tensor:
    """Return the value below which that part of the sample lies (nearest rank: no sorting)."""
    rank = round(percentile / 100 * (sample.numel() - 1)) + 1
    return sample.kthvalue(rank).values
