from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from napari.layers import Layer

import napari_medseg as ms
from napari_medseg.core import MedsegError, Source
from napari_medseg.plugin.layers import layer_link, layer_to_segmentation, layer_volume
from napari_medseg.plugin.opening import looks_like_labels
from napari_medseg.plugin.reader import get_reader, read_layers


def save_nifti(path: Path, array: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nib.save(nib.Nifti1Image(array, np.diag([-1.0, -1, 2, 1]) if affine is None else affine), path)
    return path


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    return save_nifti(tmp_path / "t1.nii.gz", np.arange(120, dtype=np.int16).reshape(4, 5, 6))


@pytest.fixture
def slices(sample_data: Path) -> list[Path]:
    return sorted((sample_data / "chest_ct").glob("*.dcm"))


def test_a_nifti_becomes_one_image_layer(scan: Path) -> None:
    reader = get_reader(str(scan))
    assert callable(reader)
    ((data, attributes, kind),) = reader(str(scan))
    layer = Layer.create(data, attributes, kind)
    assert kind == "image" and layer.name == "t1"
    assert layer.data.shape == (6, 5, 4)
    assert layer_volume(layer).source.path == scan


def test_several_files_become_several_layers(tmp_path: Path, scan: Path) -> None:
    other = save_nifti(tmp_path / "t2.nii", np.zeros((3, 3, 3), np.uint8))
    layers = read_layers([str(scan), str(other)])
    assert [attributes["name"] for _, attributes, _ in layers] == ["t1", "t2"]


def test_a_folder_of_one_series_becomes_one_layer(sample_data: Path, slices: list[Path]) -> None:
    ((data, _, kind),) = read_layers(str(sample_data / "chest_ct"))
    assert kind == "image" and data.shape[0] == len(slices)


def test_without_a_window_all_series_of_a_folder_are_loaded(tmp_path: Path, scan: Path) -> None:
    save_nifti(tmp_path / "t2.nii", np.zeros((3, 3, 3), np.uint8))
    assert len(read_layers(str(tmp_path))) == 2


def test_one_slice_opens_the_series_it_belongs_to(slices: list[Path]) -> None:
    ((data, _, _),) = read_layers(str(slices[3]))
    assert data.shape[0] == len(slices)


def test_some_slices_open_as_just_these(slices: list[Path]) -> None:
    ((data, attributes, _),) = read_layers([str(path) for path in slices[5:9]])
    assert data.shape[0] == 4
    files = attributes["metadata"]["napari_medseg"].source.files
    assert sorted(Path(file).name for file in files) == [path.name for path in slices[5:9]]


def test_a_zip_of_scans_opens_as_its_folder_would(tmp_path: Path, slices: list[Path], scan: Path) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in slices:
            file.write(path, f"ct/{path.name}")
        file.write(scan, scan.name)
    assert get_reader(str(archive)) is read_layers
    layers = [Layer.create(*data) for data in read_layers(str(archive))]
    assert sorted(layer.data.shape for layer in layers) == sorted(
        [(6, 5, 4), ms.read_volume(slices[0].parent).array.T.shape]
    )
    assert {layer_volume(layer).source.path for layer in layers} == {archive}


def test_a_zip_of_other_things_is_left_to_others(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as file:
        file.writestr("a.txt", "text")
    assert get_reader(str(tmp_path / "texts.zip")) is None


def test_declared_label_maps_open_as_labels_with_names(tmp_path: Path, scan: Path) -> None:
    volume = ms.read_volume(scan)
    segmentation = ms.Segmentation.from_array(volume.array > 100, volume, [ms.Segment(1, "tumour", colour="#ff8800")])
    ms.write_segmentation(segmentation, tmp_path / "result.nii.gz")
    ((data, attributes, kind),) = read_layers(str(tmp_path / "result.nii.gz"))
    layer = Layer.create(data, attributes, kind)
    assert kind == "labels" and layer.name == "result"
    assert layer_to_segmentation(layer).segments[0].name == "tumour"
    np.testing.assert_allclose(layer.get_color(1)[:3], (1, 0x88 / 255, 0), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("case_01_seg.nii.gz", [0, 1, 2, 0], "labels"),
        ("lung-mask.nii", [0.0, 1.0, 0.0, 1.0], "labels"),
        ("aseg.nii", [0, 17, 53, 2035], "labels"),
        ("case_01_seg.nii.gz", [0.0, 0.25, 0.5, 1.0], "image"),
        ("labels.nii", [0, -1, 2, 3], "image"),
        ("t1.nii.gz", [0, 1, 2, 0], "image"),
        ("segovia.nii", [0, 1, 2, 0], "image"),
    ],
)
def test_plain_label_maps_are_told_from_images(tmp_path: Path, name: str, values: list[float], kind: str) -> None:
    whole = all(isinstance(value, int) for value in values)
    array = np.resize(np.array(values, dtype=np.int16 if whole else np.float32), (4, 4, 4))
    assert read_layers(str(save_nifti(tmp_path / name, array)))[0][2] == kind


def test_images_with_many_values_are_no_labels(make_volume) -> None:
    source = Source("nifti", path=Path("mask.nii"), native_shape=(20, 20, 20))
    volume = make_volume((20, 20, 20), source=source)
    volume.array[...] = np.arange(8000).reshape(20, 20, 20)
    assert not looks_like_labels(volume)


def test_corrections_can_be_saved_over_a_plain_label_map(tmp_path: Path) -> None:
    path = save_nifti(tmp_path / "mask.nii.gz", np.resize(np.array([0, 1, 1], dtype=np.int16), (4, 4, 4)))
    layer = Layer.create(*read_layers(str(path))[0])
    layer.data[0, 0, 0] = 5
    ms.write_segmentation(layer_to_segmentation(layer), path)
    assert ms.read_segmentation(path).array.max() == 5


@pytest.mark.parametrize("name", ["notes.txt", "picture.tif", "missing.nii.gz"])
def test_other_files_are_left_to_others(tmp_path: Path, name: str) -> None:
    if not name.startswith("missing"):
        (tmp_path / name).write_text("hello" * 200)
    assert get_reader(str(tmp_path / name)) is None


@pytest.mark.parametrize("path", ["https://example.org/scan.nii.gz", "", [], "a\0b", None, 5])
def test_odd_paths_are_refused_in_silence(path: object) -> None:
    assert get_reader(path) is None


def test_a_mixed_drop_is_refused(tmp_path: Path, scan: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    assert get_reader([str(scan), str(tmp_path / "notes.txt")]) is None


def test_text_called_nifti_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "fake.nii.gz").write_text("this is no scan")
    reader = get_reader(str(tmp_path / "fake.nii.gz"))
    with pytest.raises(MedsegError) as caught:
        reader(str(tmp_path / "fake.nii.gz"))
    assert "fake.nii.gz" in caught.value.message and caught.value.hint


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(MedsegError, match="empty"):
        get_reader(str(tmp_path))(str(tmp_path))


def test_half_a_pair_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "lone.img").write_bytes(b"\0" * 100)
    with pytest.raises(MedsegError, match=r"lone\.hdr is missing"):
        get_reader(str(tmp_path / "lone.img"))(str(tmp_path / "lone.img"))


def test_no_patient_is_named_in_a_layer(slices: list[Path]) -> None:
    import pydicom

    header = pydicom.dcmread(slices[0], stop_before_pixels=True)
    ((_, attributes, _),) = read_layers(str(slices[0]))
    link = attributes["metadata"]["napari_medseg"]
    shown = " ".join([attributes["name"], *link.notes, str(dict(link.source.identifiers))])
    assert str(header.PatientName) not in shown and str(header.PatientID) not in shown


def test_reading_imports_neither_networks_nor_qt(scan: Path) -> None:
    code = (
        "import sys\n"
        "from napari_medseg.plugin.reader import get_reader\n"
        "assert 'napari.layers' not in sys.modules, 'choosing a reader is to be quick'\n"
        f"layers = get_reader({str(scan)!r})({str(scan)!r})\n"
        "assert layers[0][2] == 'image'\n"
        "print([m for m in ('torch', 'torchvision', 'monai', 'qtpy', 'PyQt6', 'pydicom') if m in sys.modules])\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().splitlines()[-1] == "[]"


def test_links_survive_layer_data_tuples(scan: Path) -> None:
    layer = Layer.create(*read_layers(str(scan))[0])
    again = Layer.create(*layer.as_layer_data_tuple())
    assert layer_link(again) is layer_link(layer)
