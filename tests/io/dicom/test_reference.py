"""Against other converters: the reference NIfTI files, dcm2niix run here, and SimpleITK."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_medseg.io.dicom import find_dicom_series

pytestmark = pytest.mark.data

CASES = (
    "anatomical_001",
    "failing_slicecount_001",
    "ge_anatomical_001",
    "ge_dti_001",
    "generic_anatomical_002_non_isotropic",
    "generic_compressed_rle_001",
)


@pytest.fixture(params=CASES)
def case(request, shared_data) -> Path:
    return shared_data / "dicom_reference" / request.param


def assert_same_voxels(volume, values: np.ndarray, affine: np.ndarray) -> None:
    """Every voxel of theirs is ours, at the same millimetres, after a permutation and flips of axes."""
    between = np.linalg.inv(volume.geometry.affine) @ affine
    whole = np.rint(between)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in values.shape[:3]], indexing="ij")).reshape(3, -1)
    ours_ras = volume.geometry.ijk_to_ras((whole[:3, :3] @ corners + whole[:3, 3:]).T)
    theirs_ras = (affine[:3, :3] @ corners + affine[:3, 3:]).T
    np.testing.assert_allclose(ours_ras, theirs_ras, atol=2e-3)  # they store float32, and round positions
    assert values.shape[3:] == volume.array.shape[3:]
    places = np.indices(values.shape[:3]).reshape(3, -1)
    i, j, k = (whole[:3, :3] @ places + whole[:3, 3:]).astype(int)
    np.testing.assert_allclose(volume.array[i, j, k], values.reshape(-1, *values.shape[3:]), rtol=1e-6)


def test_equals_the_reference(case):
    ((series,), problems) = find_dicom_series(case / "dicom")
    assert problems == []
    reference = nibabel.load(case / "reference.nii.gz")
    assert_same_voxels(series.load(), np.asarray(reference.dataobj), reference.affine)


def test_equals_dcm2niix(case, tmp_path):
    program = shutil.which("dcm2niix") or shutil.which("dcm2niix", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("dcm2niix is not installed")
    done = subprocess.run(
        [program, "-z", "n", "-b", "n", "-o", tmp_path, case / "dicom"], capture_output=True, text=True
    )
    written = sorted(tmp_path.glob("*.nii"))
    if not written:
        pytest.skip(f"dcm2niix wrote nothing: {done.stdout[-300:]}")
    ((series,), _) = find_dicom_series(case / "dicom")
    theirs = nibabel.load(written[0])
    assert_same_voxels(series.load(), np.asarray(theirs.dataobj), theirs.affine)


def test_equals_simpleitk(case):
    import SimpleITK as sitk  # noqa: N813

    ((series,), _) = find_dicom_series(case / "dicom")
    volume = series.load()
    if volume.n_frames > 1:
        pytest.skip("SimpleITK stacks all time points along the slices")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(case / "dicom")))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    assert_same_voxels(volume, sitk.GetArrayFromImage(image).T, np.diag([-1, -1, 1, 1]) @ affine)
