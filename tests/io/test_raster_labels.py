"""Label maps as PNG and TIFF, against Pillow and imagecodecs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

import napari_medseg as ms

ROWS, COLUMNS = 12, 20


@pytest.fixture
def volume(tmp_path: Path) -> ms.Volume:
    Image.fromarray(np.zeros((ROWS, COLUMNS), np.uint8)).save(tmp_path / "chest.png")
    return ms.read_volume(tmp_path / "chest.png")


def labelled(volume: ms.Volume, highest: int) -> ms.Segmentation:
    array = np.zeros(volume.spatial_shape, np.uint32)
    array[3:9, 2:5] = 1
    array[15:, 6:] = highest
    return ms.Segmentation.from_array(array, volume)


@pytest.mark.parametrize(("highest", "dtype"), [(2, "uint8"), (255, "uint8"), (256, "uint16"), (65535, "uint16")])
def test_labels_survive_a_png(tmp_path: Path, volume: ms.Volume, highest: int, dtype: str) -> None:
    segmentation = labelled(volume, highest)
    path = ms.write_segmentation(segmentation, tmp_path / "labels.png")
    stored = imagecodecs.png_decode(path.read_bytes())
    assert stored.dtype == dtype
    np.testing.assert_array_equal(stored, segmentation.array[:, :, 0].T)
    again = ms.read_segmentation(path)
    np.testing.assert_array_equal(again.array, segmentation.array)
    assert again.geometry == volume.geometry and not again.spacing_known
    assert [s.label for s in again.segments] == [1, highest]
    assert ms.write_segmentation(again, path) == path  # corrections may be saved over a label map


def test_the_scan_is_never_overwritten(volume: ms.Volume, tmp_path: Path) -> None:
    with pytest.raises(ms.MedsegError, match="scan itself"):
        ms.write_segmentation(labelled(volume, 2), tmp_path / "chest.png")


def test_what_a_picture_cannot_hold(volume: ms.Volume, labels: ms.Segmentation, tmp_path: Path) -> None:
    with pytest.raises(ms.MedsegError, match="label of 65536"):
        ms.write_segmentation(labelled(volume, 65536), tmp_path / "a.png")
    with pytest.raises(ms.MedsegError, match="one slice"):
        ms.write_segmentation(labels, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_label_maps_of_others(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1).integers(0, 4, (ROWS, COLUMNS), dtype=np.uint8)
    palette = Image.fromarray(numbers, mode="P")
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    palette.save(tmp_path / "palette.png")
    Image.fromarray(numbers > 1).save(tmp_path / "bits.png")
    Image.fromarray(numbers.astype(np.float32)).save(tmp_path / "float.tif")
    for name, expected in (("palette.png", numbers), ("bits.png", numbers > 1), ("float.tif", numbers)):
        np.testing.assert_array_equal(ms.read_segmentation(tmp_path / name).array[:, :, 0].T, expected)


@pytest.mark.parametrize(
    ("name", "picture", "match"),
    [
        ("a.jpg", np.zeros((9, 9), np.uint8), "JPEG"),
        ("a.png", np.arange(243, dtype=np.uint8).reshape(9, 9, 3), "colours"),
        ("a.tif", np.full((9, 9), 0.5, np.float32), "fractions"),
        ("a.tif", np.full((9, 9), np.nan, np.float32), "fractions"),
        ("a.tif", np.full((9, 9), -1, np.int32), "negative"),
    ],
)
def test_pictures_that_are_no_labels(tmp_path: Path, name: str, picture: Any, match: str) -> None:
    Image.fromarray(picture).save(tmp_path / name)
    with pytest.raises(ms.MedsegError, match=match):
        ms.read_segmentation(tmp_path / name)


@pytest.mark.data
def test_the_lungs_of_the_shared_set(shared_data: Path) -> None:
    folder = shared_data / "cxr_lungs"
    masks = sorted((folder / "masks").glob("*.png"))[:5]
    for mask in masks:
        segmentation = ms.read_segmentation(mask)
        assert [s.label for s in segmentation.segments] == [1, 2]
        assert segmentation.geometry == ms.open_study(folder / "images" / f"{mask.stem}.jpg").series[0].load().geometry
        i = np.indices(segmentation.array.shape)[0]
        assert i[segmentation.array == 1].mean() < i[segmentation.array == 2].mean()  # the right lung is on the left
