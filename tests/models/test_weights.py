from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.catalogue import ModelFolder
from napari_medseg.models.networks import build_network
from napari_medseg.models.weight_files import file_sha256
from napari_medseg.models.weights import load_weights, save_weights


def with_weights(folder: ModelFolder, **changes: object) -> ModelFolder:
    weights = folder.card.weights.model_copy(update=changes)
    return ModelFolder(folder.card.model_copy(update={"weights": weights}), folder.path)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_weights_come_back_as_they_were_stored(tmp_path: Path, write_model, dtype) -> None:
    folder = write_model(tmp_path / "model")
    network = build_network(folder.card.network)
    spec = save_weights(network.state_dict(), folder.weights_path, dtype)
    assert spec.size_bytes == folder.weights_path.stat().st_size
    assert spec.sha256 == file_sha256(folder.weights_path)
    other = build_network(folder.card.network)
    load_weights(other, with_weights(folder, **spec.model_dump()))
    for name, value in network.state_dict().items():
        assert torch.equal(other.state_dict()[name], value.to(getattr(torch, dtype)).float()), name


def test_values_beyond_16_bits_stay_whole(tmp_path: Path, write_model) -> None:
    """Running variances of a batch norm exceed 65504, the most that float16 holds."""
    folder = write_model(tmp_path / "model")
    state = build_network(folder.card.network).state_dict()
    name = next(name for name, value in state.items() if value.is_floating_point())
    state[name].view(-1)[0] = 3e5
    spec = save_weights(state, folder.weights_path, "float16")
    other = build_network(folder.card.network)
    load_weights(other, with_weights(folder, **spec.model_dump()))
    assert torch.equal(other.state_dict()[name], state[name])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_numbers_are_not_stored(tmp_path: Path, write_model, value) -> None:
    folder = write_model(tmp_path / "model")
    state = build_network(folder.card.network).state_dict()
    name = next(name for name, tensor in state.items() if tensor.is_floating_point())
    state[name].view(-1)[0] = value
    before = folder.weights_path.read_bytes()
    with pytest.raises(MedsegError, match="not numbers"):
        save_weights(state, folder.weights_path, "float16")
    assert folder.weights_path.read_bytes() == before


def test_other_weights_than_the_cards_are_refused(tmp_path: Path, write_model) -> None:
    folder = write_model(tmp_path / "model")
    content = bytearray(folder.weights_path.read_bytes())
    content[-1] ^= 1
    folder.weights_path.write_bytes(content)
    network = build_network(folder.card.network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(MedsegError, match="not those of its card"):
        load_weights(network, folder)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_missing_file_is_told(tmp_path: Path, write_model) -> None:
    folder = write_model(tmp_path / "model")
    folder.weights_path.unlink()
    with pytest.raises(MedsegError, match="cannot be read"):
        load_weights(build_network(folder.card.network), folder)


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"\xff" * 100])
def test_what_is_no_safetensors_is_refused_even_with_the_right_checksum(tmp_path, write_model, content) -> None:
    folder = write_model(tmp_path / "model")
    folder.weights_path.write_bytes(content)
    folder = with_weights(folder, sha256=file_sha256(folder.weights_path))
    with pytest.raises(MedsegError, match="damaged"):
        load_weights(build_network(folder.card.network), folder)


def test_weights_of_another_network_are_refused(tmp_path: Path, write_model) -> None:
    folder = write_model(tmp_path / "model")
    spec = folder.card.network.model_copy(update={"out_channels": 5})
    with pytest.raises(MedsegError, match="do not fit"):
        load_weights(build_network(spec), folder)
