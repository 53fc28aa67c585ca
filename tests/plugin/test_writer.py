from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from napari.components import ViewerModel

import napari_medseg as ms
from napari_medseg.core import MedsegError
from napari_medseg.plugin import writer
from napari_medseg.plugin.layers import segmentation_to_layer, volume_to_layer
from napari_medseg.plugin.preview import loading_layer
from napari_medseg.plugin.writer import write_image, write_labels


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    affine = np.array([[0, 0, 1.5, -60], [-2, 0, 0, 80], [0, -3, 0, 90], [0, 0, 0, 1.0]])
    array = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    nib.save(nib.Nifti1Image(array, affine), tmp_path / "t1.nii.gz")
    return tmp_path / "t1.nii.gz"


def test_our_labels_are_written_in_the_scans_geometry(tmp_path: Path, scan: Path) -> None:
    volume = ms.read_volume(scan)
    layer = segmentation_to_layer(ms.Segmentation.from_array(volume.array > 100, volume, [ms.Segment(1, "lesion")]))
    data, attributes, _ = layer.as_layer_data_tuple()
    path = str(tmp_path / "labels.nii.gz")
    assert write_labels(path, data, attributes) == [path]
    np.testing.assert_array_equal(nib.load(path).affine, nib.load(scan).affine)
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj), volume.array > 100)
    assert ms.read_segmentation(path).segments[0].name == "lesion"


def test_hand_made_labels_take_the_geometry_of_the_image_below(
    tmp_path: Path, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = ViewerModel()
    image = viewer.add_layer(volume_to_layer(ms.read_volume(scan)))
    viewer.layers.selection.active = image
    viewer._new_labels()
    labels = viewer.layers[-1]
    labels.data[2, 1, 3] = 4
    monkeypatch.setattr(writer, "open_viewer", lambda: viewer)
    data, attributes, _ = labels.as_layer_data_tuple()
    (path,) = write_labels(str(tmp_path / "labels.nii"), data, attributes)
    saved = nib.load(path)
    np.testing.assert_array_equal(saved.affine, nib.load(scan).affine)
    (ijk,) = np.argwhere(np.asarray(saved.dataobj) == 4)
    ras = nib.affines.apply_affine(saved.affine, ijk)
    np.testing.assert_allclose(ras * (-1, -1, 1), labels.data_to_world((2, 1, 3))[::-1], atol=1e-5)


def test_a_scan_is_written_as_it_was_read(tmp_path: Path, scan: Path) -> None:
    data, attributes, _ = volume_to_layer(ms.read_volume(scan)).as_layer_data_tuple()
    (path,) = write_image(str(tmp_path / "copy.nii.gz"), data, attributes)
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj), np.asarray(nib.load(scan).dataobj))
    np.testing.assert_array_equal(nib.load(path).affine, nib.load(scan).affine)


def test_other_images_are_written_where_they_lie(tmp_path: Path) -> None:
    layer = ViewerModel().add_image(np.random.default_rng(0).random((4, 5, 6)), scale=(3, 2, 1), units="mm")
    data, attributes, _ = layer.as_layer_data_tuple()
    (path,) = write_image(str(tmp_path / "image.nii"), data, attributes)
    assert nib.load(path).shape == (6, 5, 4)
    np.testing.assert_allclose(nib.load(path).affine, np.diag([-1, -2, 3, 1]))


def test_the_scan_itself_is_never_overwritten(scan: Path) -> None:
    before = scan.read_bytes()
    volume = ms.read_volume(scan)
    data, attributes, _ = segmentation_to_layer(
        ms.Segmentation.from_array(volume.array > 1, volume)
    ).as_layer_data_tuple()
    with pytest.raises(MedsegError, match="never overwritten"):
        write_labels(str(scan), data, attributes)
    assert scan.read_bytes() == before


def test_nothing_of_a_scan_that_is_still_being_read_is_written(
    tmp_path: Path, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of its slices are empty, and labels on it would lose their scan."""
    viewer = ViewerModel()
    preview = viewer.add_layer(loading_layer(ms.read_volume(scan), 2))
    data, attributes, _ = preview.as_layer_data_tuple()
    with pytest.raises(MedsegError, match="is still being read"):
        write_image(str(tmp_path / "image.nii.gz"), data, attributes)
    viewer.layers.selection.active = preview
    viewer._new_labels()
    labels = viewer.layers[-1]
    labels.data[2, 1, 3] = 4
    monkeypatch.setattr(writer, "open_viewer", lambda: viewer)
    data, attributes, _ = labels.as_layer_data_tuple()
    with pytest.raises(MedsegError, match="is still being read"):
        write_labels(str(tmp_path / "labels.nii"), data, attributes)
    assert [path.name for path in tmp_path.iterdir()] == [scan.name]
    viewer.layers.remove(preview)
    viewer.add_layer(volume_to_layer(ms.read_volume(scan)))
    (path,) = write_labels(str(tmp_path / "labels.nii"), data, attributes)
    np.testing.assert_array_equal(nib.load(path).affine, nib.load(scan).affine)
