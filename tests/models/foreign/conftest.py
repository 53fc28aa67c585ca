"""MONAI bundles, made by MONAI, and what they are told by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

WriteBundle = Callable[..., Path]

NETWORK = {
    "_target_": "UNet",
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": "@n_channels",
    "channels": [4, 8],
    "strides": [2],
    "num_res_units": 1,
    "norm": "batch",
}
INFERENCE: dict[str, Any] = {
    "imports": ["$import glob"],
    "bundle_root": ".",
    "n_channels": 3,
    "datalist": "$list(sorted(glob.glob(@bundle_root + '/*.nii.gz')))",
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "network_def": NETWORK,
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            {"_target_": "Spacingd", "keys": "image", "pixdim": [1.0, 1.0, 1.0], "mode": "bilinear"},
            {
                "_target_": "ScaleIntensityRanged",
                "keys": "image",
                "a_min": -57,
                "a_max": 164,
                "b_min": 0,
                "b_max": 1,
                "clip": True,
            },
            {"_target_": "EnsureTyped", "keys": "image"},
        ],
    },
    "inferer": {
        "_target_": "SlidingWindowInferer",
        "roi_size": [16, 16, 16],
        "sw_batch_size": 4,
        "overlap": 0.5,
        "mode": "gaussian",
    },
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "Activationsd", "keys": "pred", "softmax": True},
            {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "image"},
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
            {"_target_": "SaveImaged", "keys": "pred"},
        ],
    },
}
METADATA: dict[str, Any] = {
    "name": "Two organs",
    "version": "0.1.0",
    "description": "Two organs in CT.",
    "intended_use": "tests",
    "license": "Apache-2.0",
    "network_data_format": {
        "inputs": {"image": {"modality": "CT", "num_channels": 1}},
        "outputs": {
            "pred": {"num_channels": 3, "channel_def": {"0": "background", "1": "liver", "2": "spleen"}},
        },
    },
}


@pytest.fixture
def write_bundle(tmp_path: Path) -> WriteBundle:
    """Write a bundle with random weights; keywords take the place of parts of its inference.json."""

    def write(metadata: dict[str, Any] | None = None, **parts: Any) -> Path:
        from monai.networks.nets.unet import UNet

        folder = tmp_path / "two_organs"
        (folder / "configs").mkdir(parents=True)
        (folder / "models").mkdir()
        (folder / "configs" / "metadata.json").write_text(json.dumps({**METADATA, **(metadata or {})}))
        (folder / "configs" / "inference.json").write_text(json.dumps({**INFERENCE, **parts}))
        torch.manual_seed(0)
        definition = parts.get("network_def", NETWORK)
        arguments: dict[str, Any] = {
            **{key: value for key, value in NETWORK.items() if key != "_target_"},
            "in_channels": definition.get("in_channels", 1) if isinstance(definition, dict) else 1,
            "out_channels": 3,
        }
        torch.save(UNet(**arguments).state_dict(), folder / "models" / "model.pt")
        return folder

    return write
