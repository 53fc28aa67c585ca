"""MONAI's U-Net with residual units, for planes and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from monai.networks.nets.unet import UNet
from torch import nn

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec

HEAD = "head"
"""An argument beside MONAI's own: channels of a `HeadedUNet`'s head."""


def build_unet(spec: NetworkSpec) -> nn.Module:
    """Build MONAI's U-Net (Kerfoot et al., STACOM 2018); the arguments are its own, and `HEAD`."""
    arguments: dict[str, Any] = {
        **spec.arguments,
        "spatial_dims": spec.spatial_dims,
        "in_channels": spec.in_channels,
        "out_channels": spec.out_channels,
    }
    width = arguments.pop(HEAD, None)
    return UNet(**arguments) if width is None else HeadedUNet(arguments, width)


class HeadedUNet(nn.Module):
    """A U-Net whose features are read together with the input, at full resolution.

    MONAI's last layers have as many channels as there are classes, with a norm: of a single class it takes away how
    much of the window there is of it. Here that many come only after the last norm.

    Parameters
    ----------
    arguments : dict
        Of MONAI's U-Net.
    width : int
        Channels of its output, and of the head.
    """

    def __init__(self, arguments: dict[str, Any], width: int) -> None:
        super().__init__()
        convolution = nn.Conv2d if arguments["spatial_dims"] == 2 else nn.Conv3d
        self.features = UNet(**{**arguments, "out_channels": width})
        self.mix = convolution(arguments["in_channels"] + width, width, 3, padding=1)
        self.bend = nn.PReLU()
        self.score = convolution(width, arguments["out_channels"], 1)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Turn windows (n, channel, *window) into scores (n, class, *window)."""
        found = torch.cat([windows, self.features(windows)], dim=1)
        scores: torch.Tensor = self.score(self.bend(self.mix(found)))
        return scores
