"""A tiny data set that can be learnt in seconds: bright balls, whose front half is 1 and whose rear half is 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

from napari_medseg.training.recipe import Recipe

MakeRecipe = Callable[..., Recipe]

SHAPE = (20, 24, 18)


def ball(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return image and labels of one case; the intensity scale differs from case to case."""
    rng = np.random.default_rng(seed)
    centre = np.array(SHAPE) / 2 + rng.uniform(-2, 2, 3)
    at = np.stack(np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij"), axis=-1) - centre
    inside = np.linalg.norm(at, axis=-1) < rng.uniform(5, 7)
    labels = np.where(inside, np.where(at[..., 1] > 0, 1, 2), 0).astype(np.uint8)
    image = (inside * 1.0 + rng.normal(0, 0.1, SHAPE)) * 10.0 ** rng.uniform(0, 6)
    return image.astype(np.float32), labels


@pytest.fixture(scope="session")
def ball_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with six cases of four patients, as ``images`` and ``labels``."""
    folder = tmp_path_factory.mktemp("balls")
    for part in ("images", "labels"):
        (folder / part).mkdir()
    for number in (1, 2, 3, 4, 5, 8):
        image, labels = ball(number)
        affine = np.diag([1.0, 1.0, 1.0, 1.0])
        nib.save(nib.Nifti1Image(image, affine), folder / "images" / f"ball_{number:03d}.nii.gz")
        nib.save(nib.Nifti1Image(labels, affine), folder / "labels" / f"ball_{number:03d}.nii.gz")
    return folder


@pytest.fixture(scope="session")
def make_recipe() -> MakeRecipe:
    """Make a recipe for the balls; keywords change its one stage (or some equal ones) or its training part."""

    def make(
        *, steps: int = 6, highest_rate: float = 0.02, unbent: float = 0.0, n_stages: int = 1, **training: Any
    ) -> Recipe:
        return Recipe.model_validate(
            {
                "name": "ball-unet",
                "data": {"name": "balls", "images": "images", "labels": "labels", "paired_patients": True, "folds": 2},
                "network": {
                    "family": "unet",
                    "spatial_dims": 3,
                    "in_channels": 1,
                    "out_channels": 3,
                    "arguments": {"channels": [6, 12], "strides": [2], "num_res_units": 1},
                },
                "input": {"spacing_mm": [1, 1, 1], "orientation": "RAS", "window": [24, 24, 24]},
                "postprocess": {"keep_components": 1},
                "training": {
                    "stages": [
                        {
                            "steps": steps,
                            "windows": [[16, 16, 16]],
                            "window_chances": [1.0],
                            "highest_rate": highest_rate,
                            "warm_up": 0.1,
                            "unbent": unbent,
                        }
                    ]
                    * n_stages,
                    "checkpoint_every": 2,
                    "watch_every": 1000,
                    "average_decay": 0.9,
                    **training,
                },
                "card": {
                    "title": "Balls",
                    "description": "Bright balls.",
                    "modality": ["MR"],
                    "body_part": "none",
                    "labels": [
                        {"value": 1, "name": "front", "colour": "#ff0000"},
                        {"value": 2, "name": "rear", "colour": "#00ff00"},
                    ],
                    "training": [],
                    "licence": "BSD-3-Clause",
                    "intended_use": "tests",
                    "limitations": "all",
                },
            }
        )

    return make


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)
