"""Thumbnails show the patient upright, in proportion, whatever the order of the axes."""

from __future__ import annotations

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import napari_medseg as ms


@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_the_bright_corner(tmp_path: Path, axes: tuple[int, ...], signs: tuple[int, ...]) -> None:
    """Left, posterior and superior is bright: at the right in axial and coronal views, at the top in upright ones."""
    shape = (24, 30, 36)
    affine = np.eye(4)
    affine[:3, :3] = 0
    for voxel_axis, (patient_axis, sign) in enumerate(zip(axes, signs, strict=True)):
        affine[patient_axis, voxel_axis] = sign
    points = nib.affines.apply_affine(affine, np.argwhere(np.ones(shape)))
    centre = (points.min(0) + points.max(0)) / 2
    towards = (points - centre) * (-1, -1, 1) >= 0
    towards[:, axes[2]] = True  # the picture is a plane of constant k
    bright = towards.all(axis=1).reshape(shape)
    nib.save(nib.Nifti1Image((bright * 1000).astype(np.int16), affine), tmp_path / "scan.nii")

    picture = ms.open_study(tmp_path / "scan.nii").series[0].thumbnail(60)
    assert picture is not None and picture.dtype == np.uint8
    rows, columns = (n // 2 for n in picture.shape)
    quarters = {
        "top left": picture[:rows, :columns], "top right": picture[:rows, columns:],
        "bottom left": picture[rows:, :columns], "bottom right": picture[rows:, columns:],
    }  # fmt: skip
    brightest = max(quarters, key=lambda name: float(quarters[name].mean()))
    # Seen from the feet posterior is below; seen from the side or the front superior is above.
    assert brightest == ("bottom right" if axes[2] == 2 else "top right")


def test_proportion_and_size(tmp_path: Path) -> None:
    array = np.zeros((100, 50, 3), np.int16)
    nib.save(nib.Nifti1Image(array, np.diag([1.0, 4.0, 1.0, 1.0])), tmp_path / "scan.nii.gz")
    picture = ms.open_study(tmp_path / "scan.nii.gz").series[0].thumbnail(80)
    assert picture is not None and picture.shape == (80, 40)


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_that_are_hard_to_show(tmp_path: Path, order: str) -> None:
    array = np.zeros((8, 8, 8), np.dtype(np.float32).newbyteorder(order))
    array[:4], array[5], array[6] = np.nan, np.inf, 1e30
    header = nib.Nifti1Header(endianness=order)
    header.set_data_dtype(array.dtype)
    nib.save(nib.Nifti1Image(array, np.eye(4), header), tmp_path / "scan.nii")
    picture = ms.open_study(tmp_path / "scan.nii").series[0].thumbnail()
    assert picture is not None and picture.shape == (96, 96)


def test_colours_become_grey(tmp_path: Path) -> None:
    packed = np.zeros((6, 5, 1), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    packed["R"][3:] = 255
    nib.save(nib.Nifti1Image(packed, np.eye(4)), tmp_path / "scan.nii")
    picture = ms.open_study(tmp_path / "scan.nii").series[0].thumbnail(12)
    assert picture is not None and len(np.unique(picture)) == 2


def test_a_file_that_has_gone_has_no_picture(scan: Path) -> None:
    series = ms.open_study(scan).series[0]
    scan.unlink()
    assert series.thumbnail() is None
