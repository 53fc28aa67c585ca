"""MONAI's U-Net with residual units, for planes and volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monai.networks.nets.unet import UNet

if TYPE_CHECKING:
    import torch

    from napari_medseg.models.card import NetworkSpec


def build_unet(spec: NetworkSpec) -> torch.nn.Module:
    """Build MONAI's U-Net (Kerfoot et al., STACOM 2018); the arguments are its own."""
    arguments: dict[str, Any] = {
        **spec.arguments,
        "spatial_dims": spec.spatial_dims,
        "in_channels": spec.in_channels,
        "out_channels": spec.out_channels,
    }
    return UNet(**arguments)
