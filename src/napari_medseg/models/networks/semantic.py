"""FCN and DeepLab v3, torchvision's, over any of the backbones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torchvision.models.segmentation.deeplabv3 import ASPP, DeepLabV3
from torchvision.models.segmentation.fcn import FCN, FCNHead

from napari_medseg.models.networks.backbones import DEFAULT_BACKBONE, LastFeatures, build_backbone, require_planes

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec


class ScoresOnly(nn.Module):
    """A segmentation model of torchvision as all our networks are: an image in, scores of its size out.

    Parameters
    ----------
    network : torch.nn.Module
        Gives a mapping with "out".
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Take (n, in_channels, rows, columns), return (n, out_channels, rows, columns)."""
        scores: torch.Tensor = self.network(image)["out"]
        return scores


def build_fcn(spec: NetworkSpec) -> nn.Module:
    """Build an FCN (Long et al., CVPR 2015); the argument ``backbone`` names one of `BACKBONES`."""
    features, channels = _features(spec)
    return ScoresOnly(FCN(features, FCNHead(channels, spec.out_channels)))


def build_deeplabv3(spec: NetworkSpec) -> nn.Module:
    """Build DeepLab v3 (Chen et al., 2017).

    Arguments of the spec: ``backbone``, ``atrous_rates``, and ``head_channels``, 256 as published: half as many leave
    time for a larger image.
    """
    rates = spec.arguments.get("atrous_rates", [12, 24, 36])
    if not isinstance(rates, list) or not all(isinstance(rate, int) for rate in rates):
        raise ValueError("atrous_rates are whole numbers")
    width = spec.arguments.get("head_channels", 256)
    if not isinstance(width, int) or width < 1:
        raise ValueError("head_channels is a whole number")
    features, channels = _features(spec)
    head = nn.Sequential(
        ASPP(channels, [int(rate) for rate in rates if isinstance(rate, int)], width),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, spec.out_channels, 1),
    )
    return ScoresOnly(DeepLabV3(features, head))


def _features(spec: NetworkSpec) -> tuple[LastFeatures, int]:
    known = {"backbone", "atrous_rates", "head_channels"} if spec.family == "deeplabv3" else {"backbone"}
    require_planes(spec, known)
    backbone = build_backbone(str(spec.arguments.get("backbone", DEFAULT_BACKBONE)), spec.in_channels, dilated=True)
    return LastFeatures(backbone), backbone.channels[max(backbone.channels)]
