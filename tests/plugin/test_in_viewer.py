"""The plugin as napari runs it: manifest, a real viewer, drops, menus, saving."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from npe2 import PluginManager

import napari_medseg as ms
from napari_medseg.plugin.layers import layer_to_volume
from napari_medseg.plugin.preferences import prefer_reader

pytestmark = pytest.mark.gui

PLUGIN = "napari-medseg"


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., Any], npe2pm: Any, repository: Path) -> Iterator[Any]:
    with npe2pm.tmp_plugin(manifest=str(repository / "napari.yaml")):
        yield make_napari_viewer()


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    array = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    nib.save(nib.Nifti1Image(array, np.diag([-1.0, -1, 2, 1])), tmp_path / "t1.nii.gz")
    return tmp_path / "t1.nii.gz"


def test_open_paint_save(viewer: Any, scan: Path, tmp_path: Path) -> None:
    (image,) = viewer.open(scan, plugin=PLUGIN)
    assert image.contrast_limits_range[1] == 119
    viewer.layers.selection.active = image
    viewer._new_labels()
    labels = viewer.layers[-1]
    labels.data_setitem((np.array([1]), np.array([2]), np.array([3])), 1)
    path = str(tmp_path / "labels.nii.gz")
    assert viewer.layers.save(path, selected=True, plugin=PLUGIN) == [path]
    np.testing.assert_array_equal(nib.load(path).affine, nib.load(scan).affine)
    np.testing.assert_array_equal(np.argwhere(np.asarray(nib.load(path).dataobj)), [[3, 2, 1]])
    (again,) = viewer.open(path, plugin=PLUGIN)
    assert type(again).__name__ == "Labels"
    np.testing.assert_array_equal(again.data, labels.data)


def test_dropping_every_slice_opens_the_series_once(viewer: Any, sample_data: Path) -> None:
    slices = sorted((sample_data / "chest_ct").glob("*.dcm"))[:4]
    opened = viewer.open([str(path) for path in slices], plugin=PLUGIN)
    assert len(opened) == 1 and len(viewer.layers) == 1
    viewer.layers.selection.clear()
    assert viewer.open(str(slices[-1]), plugin=PLUGIN) == []
    assert viewer.layers.selection.active is viewer.layers[0]


def test_dropping_both_halves_of_a_pair_opens_one_scan(viewer: Any, tmp_path: Path) -> None:
    nib.save(nib.Nifti1Pair(np.zeros((4, 5, 6), np.int16), np.eye(4)), tmp_path / "pair.hdr")
    for names in (["pair.hdr", "pair.img"], ["pair.img", "pair.hdr"]):
        viewer.layers.clear()
        viewer.open([str(tmp_path / name) for name in names], plugin=PLUGIN)
        assert len(viewer.layers) == 1


def test_labels_of_a_radiograph_open_flat_over_it(viewer: Any, tmp_path: Path) -> None:
    (image,) = viewer.open_sample(PLUGIN, "chest_radiograph")
    volume = layer_to_volume(image)
    labels = np.zeros(volume.spatial_shape, np.uint8)
    labels[10, 20, 0] = 1
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, volume), tmp_path / "lungs.nii.gz")
    (layer,) = viewer.open(path, plugin=PLUGIN)
    assert layer.ndim == 2 and layer.data[20, 10] == 1


def test_a_folder_of_several_series_is_listed_in_the_studies_panel(viewer: Any, sample_data: Path) -> None:
    assert viewer.open(str(sample_data), plugin=PLUGIN) == []
    assert len(viewer.layers) == 0
    (panel,) = viewer.window.dock_widgets.values()
    assert type(panel).__name__ == "StudiesWidget"
    viewer.open(str(sample_data), plugin=PLUGIN)
    assert len(viewer.window.dock_widgets) == 1


def test_progress_can_be_cancelled_while_reading(viewer: Any, scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari.utils import cancelable_progress

    monkeypatch.setattr(cancelable_progress, "update", lambda self, n=1: self.cancel())
    assert viewer.open(scan, plugin=PLUGIN) == []


def test_samples_are_in_the_menu(viewer: Any) -> None:
    (layer,) = viewer.open_sample(PLUGIN, "chest_radiograph")
    assert layer.ndim == 2
    assert layer_to_volume(layer).modality == "DX"
    keys = [item.key for name, items in PluginManager.instance().iter_sample_data() if name == PLUGIN for item in items]
    assert keys == ["mr_head", "chest_ct", "chest_radiograph"]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("scan.nii.gz", True),
        ("SCAN.NII.GZ", True),
        ("IM000012", True),
        ("I5", True),
        ("1.2.840.113619.2.55.3", True),
        ("a.dcm", True),
        ("cells.tif", False),
        ("film.mp4", False),
        ("table.csv", False),
        ("stack.zarr", False),
    ],
)
def test_only_medical_files_are_claimed(viewer: Any, name: str, ours: bool) -> None:
    readers = {reader.plugin_name for reader in PluginManager.instance().iter_compatible_readers([name])}
    assert (PLUGIN in readers) is ours


def test_preferring_this_reader_spares_the_question(viewer: Any, scan: Path) -> None:
    from napari.settings import get_settings

    get_settings().plugins.extension2reader = {"*.dcm": "napari"}
    prefer_reader()
    assert get_settings().plugins.extension2reader["*.dcm"] == "napari"
    assert len(viewer.open(scan, plugin=None)) == 1
    assert len(viewer.open(str(scan.parent), plugin=None)) == 1
