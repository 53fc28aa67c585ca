"""A backbone and one linear layer: it tells whole images apart, and so teaches the backbone what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from napari_medseg.models.networks.backbones import DEFAULT_BACKBONE, build_backbone, require_planes

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec

_DROPPED = 0.2


class ClassifierNetwork(nn.Module):
    """Scores of an image's classes from the mean of its coarsest features.

    Parameters
    ----------
    body : torch.nn.Module
        Gives features by name.
    level : str
        Which are the coarsest.
    channels, n_classes : int
        Of these features, and of the scores.
    """

    def __init__(self, body: nn.Module, level: str, channels: int, n_classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Sequential(nn.Dropout(_DROPPED), nn.Linear(channels, n_classes))
        self._level = level

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Take (n, in_channels, rows, columns), return (n, out_channels)."""
        scores: torch.Tensor = self.head(self.body(image)[self._level].mean(dim=(2, 3)))
        return scores


def build_classifier(spec: NetworkSpec) -> ClassifierNetwork:
    """Build a classifier; the argument ``backbone`` names one of `BACKBONES`."""
    require_planes(spec, {"backbone"})
    backbone = build_backbone(str(spec.arguments.get("backbone", DEFAULT_BACKBONE)), spec.in_channels)
    level = max(backbone.channels)
    return ClassifierNetwork(backbone.module, level, backbone.channels[level], spec.out_channels)
