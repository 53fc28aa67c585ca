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

SAM_ARGUMENTS = {
    "vision": (
        *("hidden_size", "output_channels", "num_hidden_layers", "num_attention_heads", "num_channels", "image_size"),
        *("patch_size", "hidden_act", "layer_norm_eps", "qkv_bias", "mlp_ratio", "mlp_dim", "use_abs_pos"),
        *("use_rel_pos", "window_size", "global_attn_indexes", "num_pos_feats"),
    ),
    "prompts": (
        *("hidden_size", "image_size", "patch_size", "mask_input_channels", "num_point_embeddings", "hidden_act"),
        "layer_norm_eps",
    ),
    "decoder": (
        *("hidden_size", "hidden_act", "mlp_dim", "num_hidden_layers", "num_attention_heads", "layer_norm_eps"),
        *("attention_downsample_rate", "num_multimask_outputs", "iou_head_depth", "iou_head_hidden_dim"),
    ),
}
"""What the three parts of a Segment Anything network are told by; nothing else of a configuration is taken over."""

SAM_ACTIVATIONS = ("gelu", "relu", "silu")
