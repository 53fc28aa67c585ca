"""Tiny models and volumes: nothing here needs trained weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

from napari_medseg.core import Geometry, Volume
from napari_medseg.models.card import ModelCard

MakeCard = Callable[..., ModelCard]


class Brightness(torch.nn.Module):
    """A network whose answer is known: class 1 where the (normalised) input is above 0, class 2 above 2."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(x), 4 * x, 8 * x - 8], dim=1)


@pytest.fixture
def brightness() -> torch.nn.Module:
    return Brightness().eval()


@pytest.fixture(scope="session")
def make_card() -> MakeCard:
    """Make the card of a 3-D model with two labels; keywords replace parts of its input, network and postprocess."""

    def make(
        *,
        name: str = "tiny",
        network: dict[str, Any] | None = None,
        postprocess: dict[str, Any] | None = None,
        **inputs: Any,
    ) -> ModelCard:
        return ModelCard.model_validate(
            {
                "schema_version": 1,
                "name": name,
                "title": "Tiny model",
                "description": "Two labels for tests.",
                "task": "semantic",
                "modality": ["MR"],
                "body_part": "head",
                "network": {
                    "family": "unet",
                    "spatial_dims": 3,
                    "in_channels": 1,
                    "out_channels": 3,
                    "arguments": {"channels": [4, 8], "strides": [2], "num_res_units": 0, "norm": "INSTANCE"},
                    **(network or {}),
                },
                "labels": [
                    {"value": 1, "name": "first", "code": None, "colour": "#ff0000"},
                    {
                        "value": 2,
                        "name": "second",
                        "code": {"value": "5366008", "scheme": "SCT", "meaning": "Hippocampus"},
                        "colour": "#00ff00",
                    },
                ],
                "input": {
                    "spacing_mm": [1.0, 1.0, 1.0],
                    "orientation": "RAS",
                    "window": [16, 16, 16],
                    "overlap": 0.5,
                    "intensity": {"kind": "zscore", "percentiles": [0.5, 99.5], "scope": "window"},
                    "mirror_axes": [],
                    "padding_mode": "constant",
                    **inputs,
                },
                "postprocess": {
                    "keep_components": None,
                    "min_relative": 0.0,
                    "min_volume_ml": 0.0,
                    **(postprocess or {}),
                },
                "training": [],
                "quality": [],
                "licence": "BSD-3-Clause",
                "intended_use": "tests",
                "limitations": "everything",
                "weights": {
                    "file": "weights.safetensors",
                    "format": "safetensors",
                    "sha256": "0" * 64,
                    "size_bytes": 1,
                    "dtype": "float32",
                },
                "test_vector": None,
                "cpu_seconds_per_megavoxel": None,
            }
        )

    return make


@pytest.fixture(scope="session")
def make_noise() -> Callable[..., Volume]:
    """Make a volume of noise: no two voxels alike."""

    def make(order: Literal["C", "F"] = "C") -> Volume:
        array = np.random.default_rng(0).normal(size=(40, 30, 50)).astype(np.float32, order=order)
        return Volume(array, Geometry.from_matrix(array.shape, np.eye(4)), modality="MR")

    return make


@pytest.fixture
def noise(make_noise: Callable[..., Volume]) -> Volume:
    return make_noise()


@pytest.fixture(scope="session")
def tiny_model(make_card: MakeCard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small random U-Net."""
    from napari_medseg.models.networks import build_network
    from napari_medseg.models.weights import save_weights

    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    card = make_card()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = build_network(card.network)
    weights = save_weights(network.state_dict(), folder / "weights.safetensors")
    (folder / "card.json").write_text(card.model_copy(update={"weights": weights}).model_dump_json())
    return folder
