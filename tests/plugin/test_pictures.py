"""Radiographs as PNG, JPEG or TIFF: by our reader, and as layers that napari's own reader made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Image as ImageLayer
from napari.layers import Layer
from npe2 import PluginManifest
from PIL import Image

import napari_medseg as ms
from napari_medseg.plugin.layers import layer_to_segmentation, layer_to_volume, segmentation_to_layer, volume_to_layer
from napari_medseg.plugin.reader import get_reader, read_layers


@pytest.fixture
def grey() -> Any:
    return np.random.default_rng(1).integers(0, 256, (12, 20), dtype=np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
def test_a_picture_becomes_a_2d_layer_in_pixels_with_row_0_on_top(tmp_path: Path, grey: Any, name: str) -> None:
    Image.fromarray(grey).save(tmp_path / name)
    reader = get_reader(str(tmp_path / name))
    assert callable(reader)
    layer = Layer.create(*reader(str(tmp_path / name))[0])
    assert layer.data.shape == (12, 20) and not layer.rgb
    np.testing.assert_array_equal(layer.data, np.asarray(Image.open(tmp_path / name)))
    np.testing.assert_array_equal(layer.scale, [1, 1])
    assert {str(unit) for unit in layer.units} == {"pixel"}


def test_a_folder_of_pictures_without_a_window_is_loaded(tmp_path: Path, grey: Any) -> None:
    for name in ("a.png", "b.jpg"):
        Image.fromarray(grey).save(tmp_path / name)
    assert [attributes["name"] for _, attributes, _ in read_layers(str(tmp_path))] == ["a", "b"]


def test_what_is_only_called_a_picture_is_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    assert get_reader(str(tmp_path / "a.png")) is None


def test_single_pictures_stay_with_napari(repository: Path) -> None:
    readers = PluginManifest.from_file(repository / "napari.yaml").contributions.readers or []
    patterns = {pattern for reader in readers for pattern in reader.filename_patterns}
    assert patterns and not patterns & {"*", "*.*", "*.png", "*.jpg", "*.jpeg", "*.tif", "*.tiff"}


def test_labels_of_a_picture_keep_its_place(tmp_path: Path, grey: Any) -> None:
    Image.fromarray(grey).save(tmp_path / "a.png")
    image = Layer.create(*read_layers(str(tmp_path / "a.png"))[0])
    volume = layer_to_volume(image)
    labels = segmentation_to_layer(ms.Segmentation.from_array(volume.array > 100, volume), image_layer=image)
    assert labels.data.shape == (12, 20)
    segmentation = layer_to_segmentation(labels, image)
    np.testing.assert_array_equal(segmentation.array[:, :, 0].T, grey > 100)
    assert not segmentation.spacing_known


def test_grey_that_napari_opened_in_colours_is_grey(grey: Any) -> None:
    volume = layer_to_volume(ImageLayer(np.dstack([grey] * 3), rgb=True))
    assert volume.fourth_axis is None and not volume.spacing_known
    np.testing.assert_array_equal(volume.array[:, :, 0].T, grey)
    opaque = np.dstack([grey / 255.0] * 3 + [np.ones(grey.shape)]).astype(np.float32)
    assert layer_to_volume(ImageLayer(opaque, rgb=True)).fourth_axis is None
    colours = np.dstack([grey, grey, 255 - grey])
    assert layer_to_volume(ImageLayer(colours, rgb=True)).fourth_axis == "rgb"
    assert layer_to_volume(volume_to_layer(volume)).fourth_axis is None
