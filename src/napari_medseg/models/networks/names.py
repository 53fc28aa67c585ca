"""Names of other people's networks that may be built: a list, so that nothing else can be asked for."""

from __future__ import annotations

MONAI_NETWORKS = {
    "AttentionUnet": "attentionunet",
    "BasicUNet": "basic_unet",
    "BasicUNetPlusPlus": "basic_unetplusplus",
    "DynUNet": "dynunet",
    "FlexibleUNet": "flexible_unet",
    "HighResNet": "highresnet",
    "SegResNet": "segresnet",
    "SegResNetDS": "segresnet_ds",
    "SegResNetVAE": "segresnet",
    "SwinUNETR": "swin_unetr",
    "UNETR": "unetr",
    "UNet": "unet",
    "VNet": "vnet",
}
"""Classes of ``monai.networks.nets`` that read an image and give scores, and their modules."""

NNUNET_NETWORKS = ("PlainConvUNet", "ResidualEncoderUNet", "ResidualUNet")
"""Classes of ``dynamic_network_architectures.architectures.unet``."""
