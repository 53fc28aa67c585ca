"""Volumes written as NIfTI keep values, types, axes and position."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import napari_medseg as ms


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("data_type", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", ">i2"])
def test_types_are_kept(tmp_path: Path, affine: Any, data_type: str, suffix: str) -> None:
    array = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(data_type)
    volume = ms.Volume(array, ms.Geometry((4, 5, 6), ms.Affine(affine)))
    path = ms.write_volume(volume, tmp_path / f"out{suffix}")
    image = nib.load(path)
    assert image.get_data_dtype() == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(np.asarray(image.dataobj), array)
    np.testing.assert_allclose(image.affine, affine, atol=1e-5)


def test_types_that_nifti_lacks(tmp_path: Path) -> None:
    geometry = ms.Geometry((2, 2, 2), ms.Affine(np.eye(4)))
    half = ms.write_volume(ms.Volume(np.ones((2, 2, 2), np.float16), geometry), tmp_path / "half.nii")
    assert nib.load(half).get_data_dtype() == np.float32
    truth = ms.write_volume(ms.Volume(np.ones((2, 2, 2), bool), geometry), tmp_path / "truth.nii")
    assert nib.load(truth).get_data_dtype() == np.uint8
    for array, axis in (
        (np.ones((2, 2, 2), np.longdouble), None),
        (np.ones((2, 2, 2, 3), np.uint16), "rgb"),
        (np.ones((2, 2, 2, 2), np.uint8), "rgb"),
    ):
        with pytest.raises(ms.MedsegError, match="was not written"):
            ms.write_volume(ms.Volume(array, geometry, fourth_axis=axis), tmp_path / "never.nii")
    assert not (tmp_path / "never.nii").exists()


@pytest.mark.parametrize("axis, native", [("time", (3, 4, 5, 2)), ("channel", (3, 4, 5, 1, 2))])
def test_fourth_axis(tmp_path: Path, affine: Any, axis: Any, native: tuple[int, ...]) -> None:
    array = np.arange(120, dtype=np.int16).reshape(3, 4, 5, 2)
    geometry = ms.Geometry((3, 4, 5), ms.Affine(affine))
    volume = ms.Volume(array, geometry, fourth_axis=axis, time_step_s=1.5 if axis == "time" else None)
    path = ms.write_volume(volume, tmp_path / "out.nii.gz")
    assert nib.load(path).shape == native
    again = ms.read_volume(path)
    assert (again.fourth_axis, again.time_step_s) == (axis, volume.time_step_s)
    np.testing.assert_array_equal(again.array, array)


def test_window_travels_as_display_range(tmp_path: Path) -> None:
    geometry = ms.Geometry((2, 2, 2), ms.Affine(np.eye(4)))
    volume = ms.Volume(np.zeros((2, 2, 2), np.int16), geometry, windows=(ms.Window(40, 400, "soft"),))
    (window,) = ms.read_volume(ms.write_volume(volume, tmp_path / "out.nii")).windows
    assert window.limits == (-160, 240)


@pytest.mark.parametrize("stored", [(9, 8), (4, 5, 6), (4, 5, 6, 1), (4, 5, 6, 3), (4, 5, 6, 1, 3)])
def test_a_nifti_scan_keeps_its_axes_and_header(tmp_path: Path, affine: Any, stored: tuple[int, ...]) -> None:
    array = np.arange(np.prod(stored), dtype=np.int16).reshape(stored)
    image = nib.Nifti1Image(array, affine)
    image.set_qform(affine, 3)
    image.header["scl_slope"], image.header["scl_inter"] = 2, 5
    nib.save(image, tmp_path / "scan.nii")
    volume = ms.read_volume(tmp_path / "scan.nii")
    again = nib.load(ms.write_volume(volume, tmp_path / "out.nii.gz"))
    assert again.shape == stored
    np.testing.assert_array_equal(again.get_fdata(), nib.load(tmp_path / "scan.nii").get_fdata())
    for field in ("qform_code", "sform_code", "pixdim", "quatern_b", "srow_x"):
        assert again.header[field].tobytes() == image.header[field].tobytes()


def test_equal_content_makes_equal_bytes(tmp_path: Path) -> None:
    geometry = ms.Geometry((64, 64, 64), ms.Affine(np.eye(4)))
    volume = ms.Volume(np.random.default_rng(0).integers(0, 99, (64, 64, 64), dtype=np.int16), geometry)
    first = ms.write_volume(volume, tmp_path / "a.nii.gz").read_bytes()
    assert first == ms.write_volume(volume, tmp_path / "b.nii.gz").read_bytes()
