"""FCN and DeepLab v3, torchvision's, over any of the backbones."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING

import torch
from torch import nn
from torchvision.models.segmentation.deeplabv3 import ASPP, DeepLabV3
from torchvision.models.segmentation.fcn import FCN, FCNHead

from napari_medseg.models.networks.backbones import DEFAULT_BACKBONE, LastFeatures, build_backbone, require_planes

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec


_DEEPLAB_ARGUMENTS = {"backbone", "atrous_rates", "head_channels", "head_norm"}
_GROUPS = 32


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

    Arguments of the spec: ``backbone``; ``atrous_rates``; ``head_channels``, 256 as published; and ``head_norm``,
    "batch" as published, or "group" for small batches: the head's pooling branch has one pixel an image, and over four
    images a batch has no statistics to speak of.
    """
    rates = spec.arguments.get("atrous_rates", [12, 24, 36])
    if not isinstance(rates, list) or not all(isinstance(rate, int) for rate in rates):
        raise ValueError("atrous_rates are whole numbers")
    width = spec.arguments.get("head_channels", 256)
    if not isinstance(width, int) or width < 1:
        raise ValueError("head_channels is a whole number")
    norm = spec.arguments.get("head_norm", "batch")
    if norm not in ("batch", "group"):
        raise ValueError("head_norm is batch or group")
    features, channels = _features(spec)
    head = nn.Sequential(
        ASPP(channels, [int(rate) for rate in rates if isinstance(rate, int)], width),
        nn.Conv2d(width, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, spec.out_channels, 1),
    )
    if norm == "group":
        _normalise_in_groups(head)
    return ScoresOnly(DeepLabV3(features, head))


def _normalise_in_groups(module: nn.Module) -> None:
    """Put group normalisation (Wu and He, ECCV 2018) in place of every batch normalisation."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.GroupNorm(gcd(_GROUPS, child.num_features), child.num_features))
        else:
            _normalise_in_groups(child)


def _features(spec: NetworkSpec) -> tuple[LastFeatures, int]:
    known = _DEEPLAB_ARGUMENTS if spec.family == "deeplabv3" else {"backbone"}
    require_planes(spec, known)
    backbone = build_backbone(str(spec.arguments.get("backbone", DEFAULT_BACKBONE)), spec.in_channels, dilated=True)
    return LastFeatures(backbone), backbone.channels[max(backbone.channels)]
