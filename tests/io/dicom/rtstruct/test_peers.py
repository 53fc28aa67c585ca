"""RTSTRUCT between us and others: plastimatch (`apt-get install plastimatch`) and rt-utils, both ways."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import napari_medseg as ms


@pytest.fixture
def ct(tmp_path: Path, series_writer: Any) -> ms.Volume:
    # rt-utils takes the two pixel spacings, and rows and columns, for each other: square pixels and images.
    series_writer(tmp_path / "ct", np.zeros((8, 50, 50), np.int16), spacing=(0.7, 0.7), step=(0, 0, 2.5))
    return ms.read_volume(tmp_path / "ct")


@pytest.fixture
def drawn(ct: ms.Volume) -> Any:
    """An ellipsoid with a hollow in it, and a ball."""
    i, j, k = np.ogrid[:50, :50, :8]
    labels = np.zeros(ct.array.shape, np.uint8)
    labels[((i - 20) ** 2 / 150 + (j - 18) ** 2 / 100 + (k - 4) ** 2 / 9) < 1] = 1
    labels[((i - 20) ** 2 / 30 + (j - 18) ** 2 / 20 + (k - 4) ** 2 / 3) < 1] = 0
    labels[((i - 38) ** 2 / 60 + (j - 25) ** 2 / 60 + (k - 3) ** 2 / 6) < 1] = 2
    return labels


def plastimatch(*arguments: Any) -> None:
    if shutil.which("plastimatch") is None:
        pytest.skip("plastimatch is not installed")
    told = subprocess.run(["plastimatch", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_plastimatch_reads_the_same_voxels(ct: Any, drawn: Any, tmp_path: Path) -> None:
    made = ms.Segmentation.from_array(drawn, ct, [ms.Segment(1, "Liver"), ms.Segment(2, "Tumour")])
    path = ms.write_segmentation(made, tmp_path / "ours.rtstruct.dcm")
    options = ("--referenced-ct", tmp_path / "ct", "--output-prefix", tmp_path / "out", "--prefix-format", "nii.gz")
    plastimatch("convert", "--input", path, *options)
    for label, name in ((1, "Liver"), (2, "Tumour")):
        image = nibabel.load(tmp_path / "out" / f"{name}.nii.gz")
        places = np.argwhere(np.asarray(image.dataobj)) @ image.affine[:3, :3].T + image.affine[:3, 3]
        voxels = np.rint(ct.geometry.ras_to_ijk(places)).astype(int)
        np.testing.assert_allclose(ct.geometry.ijk_to_ras(voxels), places, atol=1e-3)
        there = np.zeros(drawn.shape, bool)
        there[tuple(voxels.T)] = True
        np.testing.assert_array_equal(there, drawn == label)


def test_what_plastimatch_writes(ct: Any, drawn: Any, tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(drawn, ct.geometry.affine), tmp_path / "labels.nii.gz")
    source = ("--input-ss-img", tmp_path / "labels.nii.gz", "--referenced-ct", tmp_path / "ct")
    plastimatch("convert", *source, "--output-dicom", tmp_path / "out")
    (path,) = (tmp_path / "out").glob("rtss*")
    back = ms.read_segmentation(path, volume=ct)
    found = {tuple(np.unique(drawn[back.array == segment.label])): segment.label for segment in back.segments}
    for label in (1, 2):
        np.testing.assert_array_equal(back.array == found[label,], drawn == label)


def test_what_rt_utils_writes(ct: Any, drawn: Any, tmp_path: Path) -> None:
    rt_utils = pytest.importorskip("rt_utils", reason="rt-utils is not installed")
    written = rt_utils.RTStructBuilder.create_new(dicom_series_path=str(tmp_path / "ct"))
    for label in (1, 2):
        written.add_roi(mask=(drawn == label).transpose(1, 0, 2).copy(), name=f"Region {label}")
    written.save(str(tmp_path / "theirs.dcm"))
    np.testing.assert_array_equal(ms.read_segmentation(tmp_path / "theirs.dcm", volume=ct).array, drawn)


def test_rt_utils_reads_ours_but_for_its_own_rounding(ct: Any, drawn: Any, tmp_path: Path) -> None:
    """It rounds corners to whole pixels and fills them in, and so adds a row of pixels here and there."""
    rt_utils = pytest.importorskip("rt_utils", reason="rt-utils is not installed")
    path = ms.write_segmentation(ms.Segmentation.from_array(drawn, ct), tmp_path / "ours.rtstruct.dcm")
    read = rt_utils.RTStructBuilder.create_from(dicom_series_path=str(tmp_path / "ct"), rt_struct_path=str(path))
    for label in (1, 2):
        there, here = read.get_roi_mask_by_name(f"Label {label}").transpose(1, 0, 2), drawn == label
        assert 2 * np.count_nonzero(there & here) / (there.sum() + here.sum()) > 0.88
        assert not (here & ~there).any() or np.count_nonzero(here & ~there) < 0.02 * here.sum()
