"""Labels of a scan that is not DICOM, saved as DICOM: images are made for them to refer to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image

import napari_medseg as ms


def faults_of(path: Path) -> list[str]:
    if shutil.which("dciodvfy") is None:
        return []
    told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False)
    return [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]


def write_nifti(path: Path, array: Any, affine: Any) -> ms.Volume:
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return ms.read_volume(path)


def turned(signs: Any, angle_deg: float) -> Any:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag(np.array(signs) * (0.7, 1.3, 2.5))
    matrix[:3, 3] = (12.5, -40.25, 7.125)
    return matrix


@pytest.mark.parametrize("name", ["labels.dcm", "labels.rtstruct.dcm"])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, -1, -1)])
def test_the_same_voxels_have_the_same_millimetres(tmp_path: Path, signs: Any, name: str) -> None:
    affine = turned(signs, 17.0)
    array = np.arange(7 * 6 * 5, dtype=np.int16).reshape(7, 6, 5)
    scan = write_nifti(tmp_path / "scan.nii.gz", array, affine)
    labels = np.random.default_rng(1).integers(0, 3, array.shape).astype(np.uint8)
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, scan), tmp_path / name)
    images = ms.read_volume(tmp_path / "labels_images")
    back = ms.read_segmentation(path)
    assert back.geometry == images.geometry and back.notes == ()
    index = np.argwhere(np.ones(array.shape))
    there = images.geometry.ras_to_ijk(scan.geometry.ijk_to_ras(index))
    np.testing.assert_allclose(there, np.rint(there), atol=1e-4)
    at = tuple(np.rint(there).astype(int).T)
    np.testing.assert_array_equal(images.array[at], array.ravel())
    np.testing.assert_array_equal(back.array[at], labels.ravel())
    first = pydicom.dcmread(tmp_path / "labels_images" / "00001.dcm")
    ds = pydicom.dcmread(path)
    assert str(first.PatientName) == "" and first.PatientIdentityRemoved == "YES"
    assert ds.PatientID == first.PatientID and ds.StudyInstanceUID == first.StudyInstanceUID
    assert faults_of(path) == []


def test_saved_again_over_the_same_images(tmp_path: Path) -> None:
    scan = write_nifti(tmp_path / "scan.nii", np.arange(60, dtype=np.int16).reshape(5, 4, 3), np.eye(4))
    labels = np.ones((5, 4, 3), np.uint8)
    for value in (1, 2):
        ms.write_segmentation(ms.Segmentation.from_array(labels * value, scan), tmp_path / "s.dcm")
        assert ms.read_segmentation(tmp_path / "s.dcm").array.max() == value
    uids = {pydicom.dcmread(file).SeriesInstanceUID for file in (tmp_path / "s_images").iterdir()}
    assert len(uids) == 1 and len(list((tmp_path / "s_images").iterdir())) == 3
    other = write_nifti(tmp_path / "other.nii", np.zeros((5, 4, 3), np.int16), np.eye(4))
    with pytest.raises(ms.MedsegError, match="s_images is there already and holds other images"):
        ms.write_segmentation(ms.Segmentation.from_array(labels, other), tmp_path / "s.dcm")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["other.nii", "s.dcm", "s_images", "scan.nii"]


def test_fractions_and_pictures(tmp_path: Path) -> None:
    values = np.random.default_rng(2).normal(size=(5, 4, 3)).astype(np.float32)
    scan = write_nifti(tmp_path / "scan.nii", values, np.diag([-1.0, -1.0, 1.0, 1.0]))
    ms.write_segmentation(ms.Segmentation.from_array(np.ones((5, 4, 3), np.uint8), scan), tmp_path / "s.dcm")
    np.testing.assert_allclose(ms.read_volume(tmp_path / "s_images").array, values, atol=np.ptp(values) / 65535)

    Image.fromarray(np.arange(30, dtype=np.uint8).reshape(5, 6)).save(tmp_path / "picture.png")
    picture = ms.read_volume(tmp_path / "picture.png")
    labels = (picture.array > 12).astype(np.uint8)
    path = ms.write_segmentation(ms.Segmentation.from_array(labels, picture), tmp_path / "p.dcm")
    np.testing.assert_array_equal(ms.read_segmentation(path).array, labels)
    assert faults_of(path) == []


def test_a_skewed_grid_is_refused(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.2
    scan = write_nifti(tmp_path / "scan.nii", np.zeros((5, 4, 3), np.int16), affine)
    with pytest.raises(ms.MedsegError, match="skewed"):
        ms.write_segmentation(ms.Segmentation.from_array(np.ones((5, 4, 3), np.uint8), scan), tmp_path / "s.dcm")
    assert [file.name for file in tmp_path.iterdir()] == ["scan.nii"]
