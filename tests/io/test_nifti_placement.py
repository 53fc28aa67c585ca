"""Which of the three positions of a header counts, and what the user is told when they contradict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

import napari_medseg as ms
from napari_medseg.io.nifti_affine import quaternion

NAN_ROWS = np.full(4, np.nan)
ZERO_ROWS = np.zeros(4)
# Turned by 90° about z, as (b, c, d) of the unit quaternion.
TURNED = {"quatern_b": 0, "quatern_c": 0, "quatern_d": np.sqrt(0.5), "qoffset_x": 5, "qoffset_y": 6, "qoffset_z": 7}
SIZES = [1, 2, 3, 4, 1, 1, 1, 1]


def rows(value: Any) -> dict[str, Any]:
    return {"srow_x": value, "srow_y": value, "srow_z": value}


def test_sform_comes_before_qform(edited: Callable[..., Path], affine: Any) -> None:
    volume = ms.read_volume(edited(qform_code=1, **TURNED))
    np.testing.assert_allclose(volume.geometry.affine, affine, atol=1e-5)
    (note,) = [note for note in volume.notes if "apart" in note]
    assert "sform is used" in note


def test_forms_that_agree_need_no_word(scan: Path, tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((4, 4, 4), np.int16), np.diag([2.0, 3.0, 4.0, 1.0]))
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine, 1)
    nib.save(image, tmp_path / "agree.nii")
    assert ms.read_volume(tmp_path / "agree.nii").notes == ()


def test_qform_counts_where_the_sform_code_is_zero_or_negative(edited: Callable[..., Path]) -> None:
    for code in (0, -1):
        path = edited(sform_code=code, qform_code=1, pixdim=SIZES, **TURNED)
        volume = ms.read_volume(path)
        expected = [[0, -3, 0, 5], [2, 0, 0, 6], [0, 0, 4, 7], [0, 0, 0, 1]]
        np.testing.assert_allclose(volume.geometry.affine, expected, atol=1e-6)
        assert volume.notes == ()


@pytest.mark.parametrize("first, sign", [(1, 1), (0, 1), (-1, -1), (-7, -1), (np.nan, 1)])
def test_qfac(edited: Callable[..., Path], first: float, sign: int) -> None:
    volume = ms.read_volume(edited(sform_code=0, qform_code=1, pixdim=[first, *SIZES[1:]], **TURNED))
    assert volume.geometry.affine[2, 2] == sign * 4


@pytest.mark.parametrize("broken", [NAN_ROWS, ZERO_ROWS, np.full(4, np.inf), np.full(4, 2.0), np.full(4, 1e30)])
def test_a_broken_sform_gives_way_to_the_qform(edited: Callable[..., Path], broken: Any) -> None:
    volume = ms.read_volume(edited(qform_code=1, pixdim=SIZES, **TURNED, **rows(broken)))
    np.testing.assert_allclose(volume.geometry.affine[:3, 3], (5, 6, 7))
    (note,) = volume.notes
    assert "sform" in note and "qform is used" in note


@pytest.mark.parametrize("broken", [NAN_ROWS, np.full(4, 2.0)])
def test_a_broken_position_alone_is_refused(edited: Callable[..., Path], broken: Any) -> None:
    with pytest.raises(ms.MedsegError, match=r"no usable position.*Export"):
        ms.read_volume(edited(**rows(broken)))


def test_a_broken_qform_alone_is_refused(edited: Callable[..., Path]) -> None:
    with pytest.raises(ms.MedsegError, match="no usable position"):
        ms.read_volume(edited(sform_code=0, qform_code=1, quatern_b=np.nan))


def test_an_sform_of_zeros_was_never_filled_in(edited: Callable[..., Path]) -> None:
    volume = ms.read_volume(edited(pixdim=SIZES, **rows(ZERO_ROWS)))
    assert volume.geometry.spacing_mm == (2, 3, 4)
    assert any("no position" in note for note in volume.notes)


def test_sizes_alone_follow_nibabel(edited: Callable[..., Path]) -> None:
    path = edited(sform_code=0, qform_code=0, pixdim=SIZES)
    volume = ms.read_volume(path)
    np.testing.assert_array_equal(volume.geometry.affine, nib.load(path).affine)
    (note,) = volume.notes
    assert "left and right cannot be known" in note
    assert volume.spacing_known


@pytest.mark.parametrize("wrong", [0, np.nan, np.inf])
def test_sizes_that_are_no_sizes(edited: Callable[..., Path], wrong: float) -> None:
    path = edited(sform_code=0, qform_code=0, pixdim=[1, wrong, 3, 4, 1, 1, 1, 1])
    volume = ms.read_volume(path)
    assert volume.geometry.spacing_mm == (1, 3, 4)
    assert not volume.spacing_known
    assert ms.open_study(path).series[0].spacing_mm is None
    with_qform = ms.read_volume(edited(sform_code=0, qform_code=1, pixdim=[1, wrong, 3, 4, 1, 1, 1, 1], **TURNED))
    assert not with_qform.spacing_known and "1 mm takes its place" in with_qform.notes[0]


def test_negative_sizes_count_by_their_amount(edited: Callable[..., Path]) -> None:
    volume = ms.read_volume(edited(sform_code=0, qform_code=1, pixdim=[1, -2, 3, -4, 1, 1, 1, 1], **TURNED))
    assert volume.geometry.spacing_mm == (2, 3, 4)


@pytest.mark.parametrize("pixdim", [SIZES, [1, 0, 0, 0, 0, 0, 0, 0], [1, np.nan, 1, 1, 1, 1, 1, 1]])
def test_sizes_that_contradict_the_sform_are_named(edited: Callable[..., Path], affine: Any, pixdim: Any) -> None:
    volume = ms.read_volume(edited(pixdim=pixdim))
    np.testing.assert_allclose(volume.geometry.affine, affine, atol=1e-5)
    assert any("pixdim" in note and "sform is used" in note for note in volume.notes)


@pytest.mark.parametrize("unit, mm", [(0, 1), (1, 1000), (2, 1), (3, 0.001), (7, 1)])
def test_units_become_millimetres_as_in_simpleitk(tmp_path: Path, unit: int, mm: float) -> None:
    image = nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.diag([-2.0, -3.0, 4.0, 1.0]))
    image.affine[:3, 3] = (10, 20, 30)
    image.set_sform(image.affine, 1)
    image.header["xyzt_units"] = unit
    nib.save(image, tmp_path / "units.nii")
    volume = ms.read_volume(tmp_path / "units.nii")
    np.testing.assert_allclose(volume.geometry.spacing_mm, np.array((2, 3, 4)) * mm, rtol=1e-6)
    assert bool(volume.notes) == (mm != 1)
    peer = SimpleITK.ReadImage(str(tmp_path / "units.nii"))
    np.testing.assert_allclose(volume.geometry.affine[:3, 3], np.array(peer.GetOrigin()) * (-1, -1, 1), rtol=1e-6)


def test_quaternions_of_all_rotations() -> None:
    rng = np.random.default_rng(11)
    for case in range(500):
        wxyz = rng.normal(size=4)
        wxyz[0] *= case % 3 != 0  # every third is a half turn
        wxyz /= np.linalg.norm(wxyz)
        expected = wxyz[1:] * (-1 if wxyz[0] < 0 else 1)
        found = quaternion(nib.quaternions.quat2mat(wxyz))
        sign = np.sign(found @ expected) if wxyz[0] == 0 else 1
        np.testing.assert_allclose(found * sign, expected, atol=1e-7)
