from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

import napari_medseg.inference
from napari_medseg.core.segmentation import Segment, Segmentation
from napari_medseg.core.volume import Volume

Run = Callable[..., tuple[int, str, str]]


class Threshold:
    """Stands for a model: labels what is bright, inside the boxes only."""

    def segment(self, volume: Volume, **options: object) -> Segmentation:
        labels = np.zeros(volume.spatial_shape, np.uint8)
        inside = [box.voxels(volume.geometry) for box in options["prompts"]] or [()]  # type: ignore[attr-defined]
        for voxels in inside:
            labels[voxels] = volume.array[voxels] > 200
        return Segmentation.from_array(labels, volume, [Segment(1, "bright")], model="threshold")


def replace_load_model(monkeypatch: pytest.MonkeyPatch, loader: Callable[..., object]) -> None:
    # Through the dictionary: to ask the package for the true one would import torch.
    monkeypatch.setitem(napari_medseg.inference.__dict__, "load_model", loader)


@pytest.fixture
def head(sample_data: Path) -> Path:
    return sample_data / "mr_head" / "t1_head.nii.gz"


@pytest.fixture(autouse=True)
def threshold_model(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_load_model(monkeypatch, lambda name, device: Threshold())


def test_labels_are_saved_on_the_scans_grid_and_measured(run: Run, head: Path, tmp_path: Path) -> None:
    target = tmp_path / "labels.nii.gz"
    status, out, err = run("segment", head, "--model", "threshold", "--output", target)
    assert (status, err) == (0, "")
    scan, labels = nibabel.load(head), nibabel.load(target)
    np.testing.assert_array_equal(labels.affine, scan.affine)
    np.testing.assert_array_equal(labels.dataobj, np.asarray(scan.dataobj) > 200)
    millilitres = np.count_nonzero(labels.dataobj) / 1000
    assert f"{millilitres:.2f} mL" in out
    assert out.endswith(f"saved {target}\n")


def test_a_box_confines_the_model(run: Run, head: Path, tmp_path: Path) -> None:
    target = tmp_path / "labels.nii.gz"
    status, _, _ = run("segment", head, "--model", "threshold", "--output", target, "--box", 50, 60, 70, 79, 89, 99)
    assert status == 0
    found = np.argwhere(np.asarray(nibabel.load(target).dataobj))
    assert len(found)
    assert (found.min(0) >= [50, 60, 70]).all()
    assert (found.max(0) <= [79, 89, 99]).all()


def test_a_folder_gets_a_file_named_after_scan_and_model(run: Run, head: Path, tmp_path: Path) -> None:
    assert run("segment", head, "--model", "threshold", "--output", tmp_path)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["t1_head_threshold.nii.gz"]


def test_a_series_of_a_folder_is_chosen_by_number(run: Run, sample_data: Path, tmp_path: Path) -> None:
    target = tmp_path / "labels.nii.gz"
    status, _, err = run("segment", sample_data, "--model", "threshold", "--output", target)
    assert status == 1
    assert "3 scans to choose from" in err
    status, _, err = run("segment", sample_data, "--model", "threshold", "--output", target, "--series", 9)
    assert status == 1
    assert "no series 9" in err
    assert run("segment", sample_data, "--model", "threshold", "--output", target, "--series", 2)[0] == 0


def test_labels_of_a_dicom_series_become_a_dicom_seg(run: Run, sample_data: Path, tmp_path: Path) -> None:
    from napari_medseg.io import read_segmentation, read_volume

    ct, target = sample_data / "chest_ct", tmp_path / "labels.dcm"
    status, _, err = run("segment", ct, "--model", "threshold", "--output", target)
    assert (status, err) == (0, "")
    found = read_segmentation(target, volume=read_volume(ct))
    assert found.array.any() and found.segments[0].label == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("labels.mha", "cannot be saved as labels.mha"),
        ("nowhere/labels.nii.gz", "no folder"),
        ("old.nii.gz", "exists already"),
    ],
)
def test_a_useless_output_is_refused_before_the_work(
    run: Run, head: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    (tmp_path / "old.nii.gz").write_bytes(b"precious")
    replace_load_model(monkeypatch, lambda name, device: pytest.fail("worked for nothing"))
    status, out, err = run("segment", head, "--model", "threshold", "--output", tmp_path / name)
    assert (status, out) == (1, "")
    assert sentence in err
    assert (tmp_path / "old.nii.gz").read_bytes() == b"precious"


def test_the_scan_itself_is_never_the_output(run: Run, head: Path, tmp_path: Path) -> None:
    scan = tmp_path / "scan.nii.gz"
    scan.write_bytes(head.read_bytes())
    status, _, err = run("segment", scan, "--model", "threshold", "--output", scan, "--overwrite")
    assert status == 1
    assert "is the scan itself" in err
    assert scan.read_bytes() == head.read_bytes()
