"""Tiny click models in the layouts of others, made by their own libraries, with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

SAM_SIDE = 64


def write_sam(folder: Path, **parts: Any) -> Path:
    """Write a Segment Anything model as transformers does."""
    from transformers import SamConfig, SamModel

    torch.manual_seed(7)
    config = SamConfig(
        vision_config={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SAM_SIDE,
            "patch_size": 8,
            "output_channels": 16,
            "num_pos_feats": 8,
            "global_attn_indexes": [1],
            "window_size": 4,
            "mlp_dim": 64,
        },
        prompt_encoder_config={"hidden_size": 16, "image_size": SAM_SIDE, "patch_size": 8, "mask_input_channels": 8},
        mask_decoder_config={"hidden_size": 16, "mlp_dim": 32, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
    )
    model = SamModel(config)
    with torch.no_grad():  # so large that prompts are told apart, unlike the weights that trainings begin with
        for parameter in model.parameters():
            parameter.normal_(0, 0.35 if parameter.ndim > 1 else 0.2)
    model.save_pretrained(folder)
    values = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4], **parts}
    (folder / "preprocessor_config.json").write_text(json.dumps(values))
    (folder / "README.md").write_text("---\ntags:\n- vision\nlicense: apache-2.0\n---\n# A model\nlicense: none\n")
    return folder


def architecture() -> dict[str, Any]:
    """Tell the network in the words of nnU-Net's plans."""
    return {
        "network_class_name": "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet",
        "arch_kwargs": {
            "n_stages": 2,
            "features_per_stage": [4, 8],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
            "strides": [[1, 1, 1], [2, 2, 2]],
            "n_blocks_per_stage": [1, 1],
            "n_conv_per_stage_decoder": [1],
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def nninteractive_network(n_channels: int = 8) -> torch.nn.Module:
    """Build the network that `write_nninteractive` writes, by its own library."""
    from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet

    torch.manual_seed(11)
    given = dict(architecture()["arch_kwargs"])
    given |= {"conv_op": torch.nn.Conv3d, "norm_op": torch.nn.InstanceNorm3d, "nonlin": torch.nn.LeakyReLU}
    return ResidualEncoderUNet(input_channels=n_channels, num_classes=2, deep_supervision=False, **given).eval()


def write_nninteractive(folder: Path, facts: Any = "nnInteractiveInferenceSession", side: int = 16) -> Path:
    """Write a folder as nnInteractive publishes it; the plans' fields that matter here."""
    configuration = {"patch_size": [side] * 3, "spacing": [1.0] * 3, "architecture": architecture()}
    plans = {
        "dataset_name": "Dataset225_nnInteractiveV2",
        "configurations": {
            "3d_fullres": configuration,
            "3d_fullres_ps192_bs24": {"inherits_from": "3d_fullres", "batch_size": 24},
        },
    }
    (folder / "fold_0").mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans))
    (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "image"}, "labels": {"background": 0}}))
    (folder / "inference_session_class.json").write_text(json.dumps(facts))
    checkpoint = {
        "network_weights": nninteractive_network().state_dict(),
        "init_args": {"configuration": "3d_fullres_ps192_bs24", "fold": 0},
        "trainer_name": "nnInteractiveTrainer_stub",
    }
    torch.save(checkpoint, folder / "fold_0" / "checkpoint_final.pth")
    return folder
