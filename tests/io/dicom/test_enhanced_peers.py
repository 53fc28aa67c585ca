"""Enhanced images against dcm2niix and SimpleITK: the same voxels at the same millimetres."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from dicom_writers.enhanced_mr import SHAPE
from dicom_writers.enhanced_mr import write_enhanced_mr as write
from napari_medseg.core.diffusion import Diffusion
from napari_medseg.io import write_volume
from napari_medseg.io.dicom import find_dicom_series
from napari_medseg.io.diffusion_files import write_diffusion_files


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 4000, (2, *SHAPE)).astype(np.int16)


def assert_same(volume, values: np.ndarray, affine: np.ndarray) -> None:
    """Every voxel of theirs is ours, at the same millimetres, after a permutation and flips of axes."""
    between = np.linalg.inv(volume.geometry.affine) @ affine
    whole = np.rint(between)
    np.testing.assert_allclose(between, whole, atol=1e-3)
    i, j, k = (whole[:3, :3] @ np.indices(values.shape[:3]).reshape(3, -1) + whole[:3, 3:]).astype(int)
    assert values.shape[3:] == volume.array.shape[3:]
    np.testing.assert_allclose(volume.array[i, j, k], values.reshape(-1, *values.shape[3:]), rtol=1e-5)


@pytest.mark.parametrize("slope", [1.0, 2.10793650793650])
@pytest.mark.parametrize("kind", ["one volume", "time", "diffusion"])
def test_equals_dcm2niix(tmp_path, frames, kind, slope):
    program = shutil.which("dcm2niix") or shutil.which("dcm2niix", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("dcm2niix is not installed")
    write(
        tmp_path / "dicom" / "mr.dcm",
        frames[:1] if kind == "one volume" else frames,
        slope=slope,
        weighted=kind == "diffusion",
    )
    (tmp_path / "nifti").mkdir()
    done = subprocess.run(
        [program, "-z", "n", "-o", tmp_path / "nifti", tmp_path / "dicom"], capture_output=True, text=True
    )
    written = list((tmp_path / "nifti").glob("*.nii"))
    assert len(written) == 1, done.stdout
    theirs = nibabel.load(written[0])
    ((series,), problems) = find_dicom_series(tmp_path / "dicom")
    assert problems == []
    assert_same(series.load(), np.asarray(theirs.dataobj), theirs.affine)


def test_gradients_are_those_of_dcm2niix(tmp_path, frames):
    program = shutil.which("dcm2niix") or shutil.which("dcm2niix", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("dcm2niix is not installed")
    write(tmp_path / "dicom" / "mr.dcm", frames, weighted=True)
    for folder in ("theirs", "ours"):
        (tmp_path / folder).mkdir()
    subprocess.run([program, "-z", "n", "-o", tmp_path / "theirs", tmp_path / "dicom"], capture_output=True, check=True)
    ((series,), _) = find_dicom_series(tmp_path / "dicom")
    volume = series.load()
    write_diffusion_files(volume, write_volume(volume, tmp_path / "ours" / "mr.nii.gz"))
    for folder in ("theirs", "ours"):
        (nifti,) = (tmp_path / folder).glob("*.nii*")
        stem = nifti.parent / nifti.name.partition(".nii")[0]
        np.testing.assert_array_equal(np.loadtxt(f"{stem}.bval"), [0, 1000])
        vectors = np.loadtxt(f"{stem}.bvec")
        affine = nibabel.load(nifti).affine[:3, :3]
        if np.linalg.det(affine) > 0:
            vectors[0] *= -1
        # A gradient along LPS +x leads to RAS -x, whichever way the axes of the file run.
        np.testing.assert_allclose(
            affine / np.linalg.norm(affine, axis=0) @ vectors, [[0, -1], [0, 0], [0, 0]], atol=1e-4
        )
    assert volume.diffusion == Diffusion((0.0, 1000.0), (None, (-1.0, 0.0, 0.0)))


def test_equals_simpleitk(tmp_path, frames):
    write(tmp_path / "mr.dcm", frames[:1])
    image = sitk.ReadImage(tmp_path / "mr.dcm")
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    ((series,), _) = find_dicom_series(tmp_path)
    assert_same(series.load(), sitk.GetArrayFromImage(image).T, np.diag([-1, -1, 1, 1]) @ affine)
