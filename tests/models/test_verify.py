from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from napari_medseg.models import find_model, list_models
from napari_medseg.models.card import ModelCard, NetworkSpec
from napari_medseg.models.catalogue import ModelFolder
from napari_medseg.models.networks import build_network
from napari_medseg.models.verify import verify, write_test_vector
from napari_medseg.models.weights import save_weights


def test_a_model_that_is_as_it_was_made(tmp_path: Path, write_model) -> None:
    result = verify(write_model(tmp_path / "model"))
    assert result.ok
    assert result.max_difference < 1e-4


def test_other_scores_are_told(tmp_path: Path, write_model) -> None:
    folder = write_model(tmp_path / "model")
    vector = load_file(folder.path / "vector.safetensors")
    vector["scores"] = vector["scores"] + 0.5
    save_file(vector, folder.path / "vector.safetensors")
    result = verify(tmp_path / "model")
    assert not result.ok
    assert result.max_difference == pytest.approx(0.5, abs=1e-3)
    assert "other scores" in result.message


@pytest.mark.parametrize("what", ["vector missing", "vector damaged", "vector without scores", "weights", "none"])
def test_what_cannot_be_verified_is_not_ok(tmp_path: Path, write_model, what: str) -> None:
    folder = write_model(tmp_path / "model")
    vector = folder.path / "vector.safetensors"
    if what == "vector missing":
        vector.unlink()
    elif what == "vector damaged":
        vector.write_bytes(b"damaged")
    elif what == "vector without scores":
        save_file({"image": load_file(vector)["image"]}, vector)
    elif what == "weights":
        folder.weights_path.write_bytes(b"damaged")
    else:
        folder = ModelFolder(folder.card.model_copy(update={"test_vector": None}), folder.path)
    result = verify(folder)
    assert not result.ok
    assert "'model'" in result.message


@pytest.mark.parametrize("name", [card.name for card in list_models()])
def test_the_programs_own_models(name: str) -> None:
    folder = find_model(name)
    assert verify(folder).ok
    assert folder.weights_path.stat().st_size == folder.card.weights.size_bytes <= 25e6


def test_the_programs_own_models_are_small_together() -> None:
    assert sum(card.weights.size_bytes for card in list_models()) <= 70e6  # the wheel stays well under 100 MB


@pytest.mark.parametrize(
    ("family", "arguments"),
    [
        ("fcn", {"backbone": "efficientnet_lite0"}),
        ("deeplabv3", {"backbone": "mobilenet_v3_large"}),
        ("maskrcnn", {"pyramid_channels": 16, "head_channels": 16, "anchor_sizes": [8, 16, 32, 64]}),
    ],
)
def test_networks_for_planes_are_verified_too(
    write_model: Any, tmp_path: Path, family: str, arguments: dict[str, Any]
) -> None:
    spec = NetworkSpec(family=family, spatial_dims=2, in_channels=1, out_channels=2, arguments=arguments)
    network = build_network(spec).half().float()
    path = tmp_path / "planes"
    path.mkdir()
    write_test_vector(network, 1, 2, path / "test_vector.safetensors")
    weights = save_weights(network.state_dict(), path / "weights.safetensors", "float16")
    task = "instances" if family == "maskrcnn" else "semantic"
    card = write_model(tmp_path / "other").card.model_dump()
    card.update(name="planes", network=spec, weights=weights, task=task, input={"window": [64, 64], "longest_side": 64})
    folder = ModelFolder(ModelCard.model_validate({**card, "test_vector": "test_vector.safetensors"}), path)
    result = verify(folder)
    assert result.ok, result
    assert result.max_difference < 1e-3
