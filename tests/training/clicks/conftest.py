"""A tiny recipe of clicks: made-up scenes and two bright balls, learnt from by a network of a few channels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from napari_medseg.training.clicks.recipe import ClicksRecipe

MakeClicks = Callable[..., ClicksRecipe]


@pytest.fixture(scope="session")
def make_clicks() -> MakeClicks:
    """Make a recipe of planes or volumes; keywords change its training part."""

    def make(dims: int = 2, *, scenes: int = 6, label_maps: str | None = None, **training: Any) -> ClicksRecipe:
        return ClicksRecipe.model_validate(
            {
                "name": "tiny-clicks",
                "clicks": {"name": "Tiny", "scenes": scenes, "scene_side": 40, "label_maps": label_maps},
                "network": {
                    "family": "unet",
                    "spatial_dims": dims,
                    "in_channels": 6,
                    "out_channels": 1,
                    "arguments": {"channels": [4, 8], "strides": [2], "norm": "batch"},
                },
                "input": {"window": [32] * dims},
                "training": {
                    "seed": 3,
                    "batch": 2,
                    "stages": [{"steps": 6}],
                    "watch_every": 3,
                    "watch_cases": 2,
                    "checkpoint_every": 2,
                }
                | training,
                "card": {
                    "title": "Tiny clicks",
                    "description": "For tests.",
                    "task": "clicks",
                    "modality": [],
                    "body_part": "any",
                    "labels": [{"value": 1, "name": "Object", "colour": "#ffb000"}],
                    "training": [],
                    "licence": "CC0",
                    "intended_use": "Tests.",
                    "limitations": "All.",
                },
            }
        )

    return make


@pytest.fixture(scope="session")
def map_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three label maps of 40 voxels a side."""
    folder = tmp_path_factory.mktemp("clicks")
    (folder / "maps").mkdir()
    axes = np.meshgrid(*[np.arange(40)] * 3, indexing="ij", sparse=True)
    for number in range(3):
        labels = np.zeros((40, 40, 40), np.int16)
        labels[sum((x - 20) ** 2 for x in axes) < 15**2] = 3
        labels[sum((x - 16 - number) ** 2 for x in axes) < 6**2] = 1000
        nib.save(nib.Nifti1Image(labels, np.eye(4)), folder / "maps" / f"map_{number}.nii.gz")
    return folder
