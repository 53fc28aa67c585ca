"""The intensity rule of a card, the same code for training and for use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from napari_medseg.models.intensity_rule import IntensityRule

_MOST_VOXELS = 1 << 22
"""Percentiles of anything larger come from a regular sample: sorting a whole CT would take seconds."""

_EVERYTHING = (0.0, 100.0)


def apply_intensity(rule: IntensityRule, values: torch.Tensor, filled: torch.Tensor | None = None) -> torch.Tensor:
    """Bring intensities to the scale that the network was trained on.

    Parameters
    ----------
    rule : IntensityRule
        From the card.
    values : Tensor of float, any shape
        Intensities of one window or one volume.
    filled : Tensor of bool, optional
        What counts for a rule of ``filled`` voxels, where it is known already.

    Returns
    -------
    Tensor
        Of the same shape. Of kind ``zscore``: mean 0, standard deviation 1 within the percentiles; zeros if all
        intensities are equal.
    """
    if rule.counted == "all":
        return _scaled(rule, values)
    counted = values != 0
    if rule.counted == "filled":
        counted = filled_mask(counted) if filled is None else filled
    result = torch.zeros_like(values)
    if bool(counted.any()):
        result[counted] = _scaled(rule, values[counted])
    return result


def _scaled(rule: IntensityRule, values: torch.Tensor) -> torch.Tensor:
    if rule.kind == "fixed":
        clipped = values if rule.clip is None else values.clamp(*rule.clip)
        return (clipped - rule.subtract) / rule.divide
    low, high = _limits(rule.percentiles, values)
    if rule.kind == "rescale":
        bottom, top = rule.target
        clipped = values.clamp(low, high) if rule.cut else values
        extent = high - low
        return (clipped - low) / torch.where(extent > 0, extent, 1.0) * (top - bottom) + bottom
    clipped = values if rule.percentiles == _EVERYTHING else values.clamp(low, high)
    deviation = clipped.std(correction=0)
    return (clipped - clipped.mean()) / torch.where(deviation > 0, deviation, 1.0)


def _limits(percentiles: tuple[float, float], values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the values at two percentiles; the lowest and the highest of all values where that is what they are."""
    if percentiles == _EVERYTHING:
        low, high = values.aminmax()
        return low, high
    sample = values.flatten()
    sample = sample[:: -(-sample.numel() // _MOST_VOXELS)]
    return _percentile(sample, percentiles[0]), _percentile(sample, percentiles[1])


def _percentile(sample: torch.Tensor, percentile: float) -> torch.Tensor:
    """Return the value below which that part of the sample lies (nearest rank: no sorting)."""
    rank = round(percentile / 100 * (sample.numel() - 1)) + 1
    return sample.kthvalue(rank).values


def filled_mask(mask: torch.Tensor) -> torch.Tensor:
    """Return a mask with what it encloses."""
    from scipy.ndimage import binary_fill_holes

    return torch.from_numpy(binary_fill_holes(mask.cpu().numpy())).to(mask.device)
