"""The sample data: small, geometrically right, without identity, and plain about what it is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest


@pytest.fixture(scope="module")
def ct(sample_data: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(path) for path in sorted((sample_data / "chest_ct").glob("*.dcm"))]


@pytest.fixture(scope="module")
def radiograph(sample_data: Path) -> pydicom.Dataset:
    return pydicom.dcmread(sample_data / "chest_radiograph" / "simulated_chest_pa.dcm")


def test_it_stays_small(sample_data: Path) -> None:
    assert sum(path.stat().st_size for path in sample_data.rglob("*") if path.is_file()) < 6e6


def test_the_terms_are_beside_it(sample_data: Path) -> None:
    page = (sample_data / "README.md").read_text(encoding="utf-8")
    assert "McConnell Brain Imaging Centre" in page
    assert "Creative Commons Attribution 3.0" in page


def test_the_ct_is_one_even_series(ct: list[pydicom.Dataset]) -> None:
    assert len({image.SeriesInstanceUID for image in ct}) == 1
    assert len({image.SOPInstanceUID for image in ct}) == len(ct) == 66
    positions = np.array([image.ImagePositionPatient for image in ct], float)
    steps = np.diff(positions, axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to([0, 0, 5], steps.shape), atol=1e-6)


def test_the_ct_holds_hounsfield_units(ct: list[pydicom.Dataset]) -> None:
    image = ct[33]
    hounsfield = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
    assert hounsfield.min() >= -1024
    assert np.percentile(hounsfield[100:160, 40:80], 50) < -700  # the right lung
    assert 100 < hounsfield[120:140, 120:160].mean() < 400  # the contrast-filled heart


def test_the_radiograph_says_that_it_is_simulated(radiograph: pydicom.Dataset, sample_data: Path) -> None:
    assert "SIMULATED" in radiograph.SeriesDescription
    assert "not an acquired radiograph" in radiograph.ImageComments
    assert "**Simulated**" in (sample_data / "README.md").read_text(encoding="utf-8")


def test_the_radiograph_shows_the_patients_right_on_its_left(radiograph: pydicom.Dataset) -> None:
    grey = radiograph.pixel_array.astype(float)
    assert list(radiograph.PatientOrientation) == ["L", "F"]
    liver, under_the_other_dome = grey[300:330, 90:150].mean(), grey[255:285, 300:360].mean()
    assert liver > grey[120:200, 90:150].mean()  # the lung above it is darker
    heart_left, heart_right = grey[200:240, 260:320].mean(), grey[200:240, 110:170].mean()
    assert heart_left > heart_right
    assert under_the_other_dome > 0


def test_nobody_is_named(ct: list[pydicom.Dataset], radiograph: pydicom.Dataset) -> None:
    for image in [*ct, radiograph]:
        assert str(image.PatientName) == "SAMPLE^CHEST"
        assert image.PatientID == "SAMPLE-CHEST"
        assert image.PatientBirthDate == ""


def test_the_head_is_in_millimetres_and_known_space(sample_data: Path) -> None:
    head = nibabel.load(sample_data / "mr_head" / "t1_head.nii.gz")
    assert head.header.get_xyzt_units()[0] == "mm"
    assert int(head.header["sform_code"]) == 4
    np.testing.assert_array_equal(head.affine[:3, 3], [-98, -134, -72])


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (package dicom3tools) is not installed")
def test_dciodvfy_finds_no_error(sample_data: Path) -> None:
    for path in [*sorted((sample_data / "chest_ct").glob("*.dcm"))[::20], *sample_data.glob("chest_radiograph/*.dcm")]:
        answer = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        assert "Error" not in answer.stdout + answer.stderr
