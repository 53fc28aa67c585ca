from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medseg.core import Geometry, MedsegError, Volume
from napari_medseg.models.foreign.adding import add_offer, open_offer

onnx = pytest.importorskip("onnx", reason="the package onnx makes the files")
pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")

WriteNetwork = Callable[..., Path]
CARD = """
title: Bright things
modality: [CT]
labels: [dim, bright]
licence: CC0-1.0
network: {spatial_dims: 3, out_channels: 3}
input:
  window: [16, 16, 16]
  overlap: 0.5
  intensity: {kind: fixed, divide: 100}
"""


@pytest.fixture
def write_network(tmp_path: Path) -> WriteNetwork:
    """Write a network whose answer is known: dim above 0.5, bright above 1.5."""

    def write(card: str = CARD, batch: int | str = "n", external: str = "", n_channels: int = 1) -> Path:
        from onnx import TensorProto, helper, numpy_helper

        weight = np.array([0, 2, 3], np.float32).reshape(3, 1, 1, 1, 1) * np.ones((1, n_channels, 1, 1, 1), np.float32)
        kernel = numpy_helper.from_array(weight, "kernel")
        bias = numpy_helper.from_array(np.array([0, -1, -2.5], np.float32), "bias")
        if external:
            onnx.external_data_helper.set_external_data(kernel, location=external)
            kernel.ClearField("raw_data")
            kernel.data_location = TensorProto.EXTERNAL
        shape: list[Any] = [batch, n_channels, 16, 16, 16]
        graph = helper.make_graph(
            [helper.make_node("Conv", ["image", "kernel", "bias"], ["scores"])],
            "bright",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 3, 16, 16, 16])],
            [kernel, bias],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        folder = tmp_path / "bright"
        folder.mkdir()
        (folder / "network.onnx").write_bytes(model.SerializeToString())
        (folder / "card.yaml").write_text(card)
        return folder / "network.onnx"

    return write


@pytest.mark.parametrize("batch", ["n", 1])
def test_an_onnx_network_is_added_and_segments(write_network: WriteNetwork, tmp_path: Path, batch: int | str) -> None:
    from napari_medseg import load_model

    with open_offer(write_network(batch=batch)) as offer:
        assert (offer.name, offer.labels, offer.licence) == ("bright-things", ("dim", "bright"), "CC0-1.0")
        folder = add_offer(offer, tmp_path / "user")
    values = np.random.default_rng(0).uniform(-100, 300, (20, 18, 17)).astype(np.float32)
    volume = Volume(values, Geometry.from_matrix(values.shape, np.eye(4)), modality="CT")
    found = load_model(folder.path, "cpu").segment(volume)
    assert np.array_equal(found.array, (values > 50).astype(np.uint8) + (values > 150))
    assert [segment.name for segment in found.segments] == ["dim", "bright"]


def test_an_onnx_network_reads_several_images_at_once(write_network: WriteNetwork, tmp_path: Path) -> None:
    """Dim where their sum is above 0.5, bright above 1.5; the second is scaled by another number."""
    from napari_medseg import load_model, stack_channels

    own = "{name: T2, intensity: {kind: fixed, divide: 10}}"
    card = CARD.replace("  overlap", f"  channels: [T1, {own}]\n  overlap").replace("[CT]", "[MR]")
    with open_offer(write_network(card, n_channels=2)) as offer:
        folder = add_offer(offer, tmp_path / "user")
    assert (folder.card.network.in_channels, folder.card.channel_names) == (2, ("T1", "T2"))
    values = np.random.default_rng(0).uniform(-50, 150, (2, 20, 18, 17)).astype(np.float32)
    t1, t2 = (Volume(one, Geometry.from_matrix(one.shape, np.eye(4)), modality="MR") for one in values)
    total = values[0] / 100 + values[1] / 10
    with pytest.raises(MedsegError, match="T1, T2"):
        load_model(folder.path, "cpu").segment(t1)
    found = load_model(folder.path, "cpu").segment(stack_channels([t1, t2]))
    assert np.array_equal(found.array, (total > 0.5).astype(np.uint8) + (total > 1.5))


def test_a_changed_file_is_refused(write_network: WriteNetwork, tmp_path: Path) -> None:
    from napari_medseg import load_model

    with open_offer(write_network()) as offer:
        folder = add_offer(offer, tmp_path / "user")
    folder.weights_path.write_bytes(folder.weights_path.read_bytes() + b"\0")
    with pytest.raises(MedsegError, match="not those of its card"):
        load_model(folder.path, "cpu")


@pytest.mark.parametrize("external", ["../../../etc/passwd", "/etc/passwd", "weights.bin"])
def test_weights_in_other_files_are_refused(write_network: WriteNetwork, tmp_path: Path, external: str) -> None:
    with open_offer(write_network(external=external)) as offer, pytest.raises(MedsegError, match="from other files"):
        add_offer(offer, tmp_path / "user")


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (CARD.replace("out_channels: 3", "out_channels: 4"), "2 labels, and its network gives 3"),
        (CARD.replace("[16, 16, 16]", "[32, 16, 16]"), "input of the ONNX network"),
        (CARD.replace("  overlap", "  channels: [T1, T2]\n  overlap"), "input of the ONNX network"),
        (CARD.replace("spatial_dims: 3", "spatial_dims: 3, family: maskrcnn"), "does not describe"),
        (CARD.replace("labels: [dim, bright]", "labels: []"), "no labels"),
        (CARD + "\nsurprise: 1", "surprise"),
        ("just words", "not a list of named values"),
    ],
)
def test_a_card_that_is_not_that_of_its_network_is_refused(
    write_network: WriteNetwork, tmp_path: Path, card: str, words: str
) -> None:
    with pytest.raises(MedsegError, match=words), open_offer(write_network(card)) as offer:
        add_offer(offer, tmp_path / "user")


def test_a_network_without_a_card_is_refused(write_network: WriteNetwork) -> None:
    path = write_network()
    (path.parent / "card.yaml").unlink()
    with pytest.raises(MedsegError, match="no card beside it"), open_offer(path):
        pass
