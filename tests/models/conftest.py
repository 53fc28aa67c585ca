"""Tiny models on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from napari_medseg.models.card import ModelCard, NetworkSpec
from napari_medseg.models.catalogue import ModelFolder
from napari_medseg.models.networks import build_network
from napari_medseg.models.verify import write_test_vector
from napari_medseg.models.weights import load_weights, save_weights

WriteModel = Callable[..., ModelFolder]

NETWORK = {
    "family": "unet",
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": 2,
    "arguments": {"channels": [4, 8], "strides": [2], "num_res_units": 1},
}


@pytest.fixture
def card_values() -> dict[str, Any]:
    """The fields of a card that is in order."""
    return {
        "name": "tiny",
        "title": "Tiny",
        "description": "One label for tests.",
        "task": "semantic",
        "modality": ["MR"],
        "body_part": "Head",
        "network": NETWORK,
        "labels": [{"value": 1, "name": "thing", "colour": "#ff0000"}],
        "input": {"window": [16, 16, 16], "spacing_mm": [1.0, 1.0, 1.0], "orientation": "RAS"},
        "licence": "BSD-3-Clause",
        "intended_use": "tests",
        "limitations": "all",
        "weights": {"file": "weights.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float32"},
    }


@pytest.fixture
def write_model(card_values: dict[str, Any]) -> WriteModel:
    """Write a model with random weights, a right checksum and a right test vector."""

    def write(path: Path, **changes: Any) -> ModelFolder:
        path.mkdir(parents=True)
        torch.manual_seed(0)
        network = build_network(NetworkSpec.model_validate(NETWORK))
        weights = save_weights(network.state_dict(), path / "weights.safetensors", "float16")
        values = {
            **card_values,
            "name": path.name,
            "weights": weights.model_dump(),
            "test_vector": "vector.safetensors",
            **changes,
        }
        folder = ModelFolder(ModelCard.model_validate(values), path)
        load_weights(network, folder)
        write_test_vector(network, 1, 3, path / "vector.safetensors")
        (path / "card.json").write_text(folder.card.model_dump_json())
        return folder

    return write
