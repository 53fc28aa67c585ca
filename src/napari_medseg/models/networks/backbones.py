"""Backbones: what turns an image into features of several resolutions, for FCN, DeepLab v3 and Mask R-CNN."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn
from torchvision.models import mobilenet_v3_large, resnet
from torchvision.models._utils import IntermediateLayerGetter

from napari_medseg.models.networks import efficientnet_lite

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from napari_medseg.models.card import NetworkSpec


DEFAULT_BACKBONE = "mobilenet_v3_large"
"""Of networks that name none."""


@dataclass(frozen=True, eq=False)
class Backbone:
    """A network that gives features.

    Parameters
    ----------
    module : torch.nn.Module
        Takes (n, in_channels, rows, columns), gives features by name: "2" to "5", each at half the resolution of the
        one before ("2" at a quarter of the image's), unless dilated.
    channels : dict of str to int
        Of the features, in this order.
    """

    module: nn.Module
    channels: dict[str, int]


def build_backbone(name: str, in_channels: int, *, dilated: bool = False) -> Backbone:
    """Build a backbone with random weights.

    Parameters
    ----------
    name : {"resnet18", "resnet50", "resnet101", "mobilenet_v3_large", "efficientnet_lite0"}
        Which.
    in_channels : int
        Of the images.
    dilated : bool
        Spread the filters of the last stages instead of lowering the resolution further, for dense prediction.

    Raises
    ------
    ValueError
        If there is no such backbone.
    """
    if name not in _BACKBONES:
        raise ValueError(f"There is no backbone '{name}'; there are: {', '.join(BACKBONES)}.")
    return _BACKBONES[name](in_channels, dilated)


def require_planes(spec: NetworkSpec, known: Collection[str]) -> None:
    """Refuse volumes, and arguments that are not known.

    Raises
    ------
    ValueError
        If a network over a backbone cannot be built so.
    """
    if spec.spatial_dims != 2:
        raise ValueError(f"{spec.family} reads planes, not volumes")
    if unknown := set(spec.arguments) - set(known):
        raise ValueError(f"unknown arguments: {', '.join(sorted(unknown))}")


def modules_up_to(body: nn.Module, level: str) -> list[nn.Module]:
    """Return the parts of a backbone's module that its features of a level are computed by.

    Raises
    ------
    ValueError
        If it has no such level.
    """
    if isinstance(body, efficientnet_lite.EfficientNetLite0):
        return body.modules_up_to(level)
    found = []
    for name, part in body.named_children():
        found.append(part)
        if getattr(body, "return_layers", {}).get(name) == level:
            return found
    raise ValueError(f"The backbone has no level '{level}'.")


def set_input_channels(module: nn.Module, in_channels: int) -> None:
    """Let the first convolution read another number of channels, by the sum of its weights over the colours.

    A grey image in one channel then gives just what it gave as three equal ones.
    """
    first = next(part for part in module.modules() if isinstance(part, nn.Conv2d))
    if first.in_channels == in_channels:
        return
    weight = first.weight.detach().sum(dim=1, keepdim=True) / in_channels
    first.weight = nn.Parameter(weight.repeat(1, in_channels, 1, 1))
    first.in_channels = in_channels


def _resnet(kind: str, in_channels: int, dilated: bool) -> Backbone:
    if dilated and kind == "resnet18":
        raise ValueError("resnet18 has no dilated form; choose resnet50 or a lighter backbone")
    build = getattr(resnet, kind)
    spread = {"replace_stride_with_dilation": [False, True, True]} if dilated else {}
    network = build(weights=None, **spread)
    width = network.fc.in_features
    set_input_channels(network, in_channels)
    layers = {f"layer{n}": str(n + 1) for n in range(1, 5)}
    channels = {str(n + 2): width >> (3 - n) for n in range(4)}
    return Backbone(IntermediateLayerGetter(network, layers), channels)


def _mobilenet(in_channels: int, dilated: bool) -> Backbone:
    features = mobilenet_v3_large(weights=None, dilated=dilated).features
    set_input_channels(features, in_channels)
    strided = [n for n, block in enumerate(features) if getattr(block, "_is_cn", False)]
    ends = [*(n - 1 for n in strided[1:]), len(features) - 1]
    layers = {str(n): str(level) for level, n in zip(range(2, 6), ends, strict=True)}
    channels = {level: features[int(n)].out_channels for n, level in layers.items()}
    return Backbone(IntermediateLayerGetter(features, layers), channels)


def _efficientnet_lite0(in_channels: int, dilated: bool) -> Backbone:
    network = efficientnet_lite.EfficientNetLite0(in_channels, dilated=dilated)
    return Backbone(network, dict(efficientnet_lite.CHANNELS))


_BACKBONES: dict[str, Callable[[int, bool], Backbone]] = {
    **{name: partial(_resnet, name) for name in ("resnet18", "resnet50", "resnet101")},
    "mobilenet_v3_large": _mobilenet,
    "efficientnet_lite0": _efficientnet_lite0,
}
BACKBONES = tuple(_BACKBONES)


class LastFeatures(nn.Module):
    """A backbone that gives its last features only, under the name that torchvision's segmentation models expect."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.body = backbone.module
        self._last = max(backbone.channels)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return {"out": features}."""
        return {"out": self.body(image)[self._last]}
